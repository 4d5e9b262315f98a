from pydantic import BaseModel

from tasker_core.step_handler import TypedStepHandler


class Context(BaseModel):
    item: str


class Price(TypedStepHandler[Context, Context]):
    def run(self, context, step) -> Context:
        return context
