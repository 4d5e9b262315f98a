from tasker_core.step_handler import StepHandlerBase


class Route(StepHandlerBase):
    def call(self, task, sequence, step):
        return {}
