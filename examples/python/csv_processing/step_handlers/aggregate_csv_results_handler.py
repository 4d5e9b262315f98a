"""Adds up what the batches found."""

from csv_processing.inventory import Inventory
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class AggregateCsvResultsHandler(StepHandlerBase):
    """Runs once every batch is done; on nothing when there was none."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        batches = sequence.batch("process_csv_batch")
        inventory = Inventory()
        for results in batches:
            inventory.add_batch(results)
        return StepHandlerCallResult.success(
            results={
                "total_processed": inventory.processed,
                "worker_count": len(batches),
                **inventory.results(),
            }
        )
