from tasker_core.step_handler import DecisionHandler, StepHandlerBase


class Route(DecisionHandler):
    def call(self, task, sequence, step):
        return self.create_steps(["card", "join"])


class Pay(StepHandlerBase):
    def call(self, task, sequence, step):
        return {}
