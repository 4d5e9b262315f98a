from pydantic import BaseModel

from tasker_core.step_handler import StepHandlerBase
from tasker_core.task_handler import TaskHandlerBase


class Price(StepHandlerBase):
    def call(self, task, sequence, step):
        return {}


class Order(BaseModel):
    item: str


class Charged(BaseModel):
    paid: int


class Results(BaseModel):
    charge: Charged


class OrderHandler(TaskHandlerBase[Order, Results]):
    namespace = "shop"
    name = "order"
    version = "1.0.0"
