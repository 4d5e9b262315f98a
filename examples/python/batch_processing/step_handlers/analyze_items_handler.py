"""Splits the items into batches."""

from collections.abc import Mapping

from tasker_core.errors import PermanentError
from tasker_core.step_handler import BatchableHandler
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class AnalyzeItemsHandler(BatchableHandler):
    """Takes `{"total_items": n}`, 0 or more."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Batches as large as the template's `batch_config` says.

        Fails for good when the number is missing or none.
        """
        context = task.context
        if not isinstance(context, Mapping) or "total_items" not in context:
            raise PermanentError(
                f"total_items is missing from the context {context!r}", error_code="MISSING_FIELD"
            )
        total = context["total_items"]
        # A bool is an int to Python, but not to whoever sends `true`.
        if not isinstance(total, int) or isinstance(total, bool) or total < 0:
            raise PermanentError(
                f"total_items must be an integer from 0, not {total!r}", error_code="INVALID_FIELD"
            )
        # The results are {"total_items", "batch_count"}.
        return self.create_batches(total_items=total)
