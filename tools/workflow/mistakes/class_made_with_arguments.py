from tasker_core.step_handler import StepHandlerBase


class Price(StepHandlerBase):
    def __init__(self, table):
        self.table = table

    def call(self, task, sequence, step):
        return {}
