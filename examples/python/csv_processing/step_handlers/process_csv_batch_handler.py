"""Takes stock of one batch."""

from csv_processing.inventory import inventory_of
from csv_processing.products import products_file, read_products
from tasker_core.step_handler import BatchWorkerHandler
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class ProcessCsvBatchHandler(BatchWorkerHandler):
    """Adds up the rows from `step.cursor.start` to `step.cursor.end`, which is exclusive."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Fails for good when the file is gone, or a row is no product."""
        cursor = step.cursor
        products = read_products(products_file(task.context), cursor.start, cursor.end)
        inventory = inventory_of(products)
        return StepHandlerCallResult.success(
            results={"processed_count": inventory.processed, **inventory.results()},
            metadata={"batch_id": cursor.batch_id, "start": cursor.start, "end": cursor.end},
        )
