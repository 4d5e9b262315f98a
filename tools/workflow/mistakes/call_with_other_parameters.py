from tasker_core.step_handler import StepHandlerBase


class Price(StepHandlerBase):
    def call(self, context):
        return {}
