from tasker_core.step_handler import StepHandlerBase


class Price(StepHandlerBase):
    def call(self, task, sequence, step):
        return {}
