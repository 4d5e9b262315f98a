from pydantic import BaseModel

from tasker_core.step_handler import BatchableHandler, TypedStepHandler


class Context(BaseModel):
    item: str


class Split(BatchableHandler):
    def call(self, task, sequence, step):
        return self.create_batches(total_items=20)


class Work(TypedStepHandler[Context, Context]):
    def run(self, context, step) -> Context:
        return context


class Join(TypedStepHandler[Context, Context]):
    def run(self, context, step, work: Context) -> Context:
        return context
