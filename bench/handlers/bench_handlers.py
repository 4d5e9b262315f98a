"""Handlers that do nothing, so that what is measured is Tasker."""

from tasker_core.step_handler import BatchableHandler, StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class Noop(StepHandlerBase):
    """Succeeds without results."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        return StepHandlerCallResult.success()


class Split(BatchableHandler):
    """Takes `{"batches": n}`."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Batches of one item each."""
        return self.create_batches(total_items=task.context["batches"], batch_size=1, results={})
