"""Counts the products and splits them into batches."""

from csv_processing.products import count_products, products_file
from tasker_core.errors import PermanentError
from tasker_core.step_handler import BatchableHandler
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

ANALYSIS_MODES = ("inventory",)


class AnalyzeCsvHandler(BatchableHandler):
    """Takes `{"csv_file_path": path, "analysis_mode": "inventory"}`."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """As many batches as the template's `batch_config` says, none for a file without products.

        Fails for good when the path is refused or there is no file.
        """
        path = products_file(task.context)
        mode = task.context.get("analysis_mode", "inventory")
        if mode not in ANALYSIS_MODES:
            raise PermanentError(
                f"analysis_mode must be one of {', '.join(ANALYSIS_MODES)}, not {mode!r}",
                error_code="INVALID_FIELD",
            )
        # The results are {"total_items", "batch_count"}.
        return self.create_batches(total_items=count_products(path))
