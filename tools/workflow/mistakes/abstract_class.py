from abc import ABC, abstractmethod

from tasker_core.step_handler import StepHandlerBase


class Price(StepHandlerBase, ABC):
    @abstractmethod
    def price(self): ...

    def call(self, task, sequence, step):
        return {"price": self.price()}
