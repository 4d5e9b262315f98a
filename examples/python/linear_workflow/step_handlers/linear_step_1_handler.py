"""Squares the task's input."""

from collections.abc import Mapping
from typing import Any

from tasker_core.errors import PermanentError
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class LinearStep1Handler(StepHandlerBase):
    """n becomes n squared, for `{"even_number": n}`, an even integer of any size."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Fails for good when the input is missing, no integer, or odd."""
        number = even_number(task.context)
        output = number**2
        return StepHandlerCallResult.success(
            results={"result": output},
            metadata={"operation": "square", "inputs": {"even_number": number}, "output": output},
        )


def even_number(context: Any) -> int:
    """The context's `even_number`.

    PermanentError, MISSING_FIELD or INVALID_FIELD, when it is not one.
    """
    if not isinstance(context, Mapping) or "even_number" not in context:
        raise PermanentError(
            f"even_number is missing from the context {context!r}", error_code="MISSING_FIELD"
        )
    value = context["even_number"]
    # A bool is an int to Python, but not to whoever sends `true`.
    if not isinstance(value, int) or isinstance(value, bool):
        raise PermanentError(
            f"even_number must be an integer, not {value!r}", error_code="INVALID_FIELD"
        )
    if value % 2:
        raise PermanentError(f"even_number must be even, not {value!r}", error_code="INVALID_FIELD")
    return value
