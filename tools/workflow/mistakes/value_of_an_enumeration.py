from typing import Literal

from pydantic import BaseModel

from tasker_core.step_handler import TypedStepHandler


class Context(BaseModel):
    item: str


class Priced(BaseModel):
    kind: Literal["card", "cash", "cheque"]


class Wanted(BaseModel):
    kind: Literal["card", "cash"]


class Paid(BaseModel):
    paid: bool


class Price(TypedStepHandler[Context, Priced]):
    def run(self, context, step) -> Priced:
        return None


class Charge(TypedStepHandler[Context, Paid]):
    def run(self, context, step, price: Wanted) -> Paid:
        return None
