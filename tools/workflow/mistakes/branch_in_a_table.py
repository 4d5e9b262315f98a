from tasker_core.step_handler import DecisionHandler, StepHandlerBase


BRANCHES = {"card": ["card"], "money": ["money"]}


class Route(DecisionHandler):
    def call(self, task, sequence, step):
        return self.create_steps(BRANCHES[task.context["way"]])


class Pay(StepHandlerBase):
    def call(self, task, sequence, step):
        return {}
