from pydantic import BaseModel

from tasker_core.step_handler import StepHandlerBase
from tasker_core.task_handler import TaskHandlerBase


class Price(StepHandlerBase):
    def call(self, task, sequence, step):
        return {}


class OrderHandler:
    pass
