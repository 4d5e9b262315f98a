"""Adds up one batch."""

from tasker_core.step_handler import BatchWorkerHandler
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class ProcessItemsHandler(BatchWorkerHandler):
    """Item i, counted from 0, is worth i + 1."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        items = range(step.cursor.start, step.cursor.end)
        return StepHandlerCallResult.success(
            results={"processed_count": len(items), "total": sum(items) + len(items)}
        )
