from tasker_core.step_handler import StepHandlerBase


class Price(StepHandlerBase):
    def run(self, task, sequence, step):
        return {}
