from pydantic import BaseModel

from tasker_core.step_handler import TypedStepHandler


class Context(BaseModel):
    item: str


class Priced(BaseModel):
    customer: Context


class Wanted(BaseModel):
    customer: "Person"


class Person(BaseModel):
    name: str


class Paid(BaseModel):
    paid: bool


class Price(TypedStepHandler[Context, Priced]):
    def run(self, context, step) -> Priced:
        return None


class Charge(TypedStepHandler[Context, Paid]):
    def run(self, context, step, price: Wanted) -> Paid:
        return None
