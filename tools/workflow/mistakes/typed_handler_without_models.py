from tasker_core.step_handler import TypedStepHandler


class Price(TypedStepHandler):
    def run(self, context, step):
        return {}
