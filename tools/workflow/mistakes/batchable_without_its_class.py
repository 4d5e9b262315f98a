from tasker_core.step_handler import StepHandlerBase


class Work(StepHandlerBase):
    def call(self, task, sequence, step):
        return {}
