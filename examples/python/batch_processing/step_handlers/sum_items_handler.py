"""Adds up the batches."""

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class SumItemsHandler(StepHandlerBase):
    """Runs once every batch is done: n items are worth n(n + 1) / 2."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        batches = sequence.batch("process_items")
        return StepHandlerCallResult.success(
            results={
                "total_processed": sum(results["processed_count"] for results in batches),
                "total": sum(results["total"] for results in batches),
                "worker_count": len(batches),
            }
        )
