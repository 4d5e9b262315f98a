from tasker_core.step_handler import step_handler


@step_handler("decision_by_a_function.route")
def route(task, sequence, step):
    return {"steps": ["card"]}
