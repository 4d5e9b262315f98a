"""What the numeric workflows share: the check of their input, the form of their results."""

from collections.abc import Mapping

from tasker_core.errors import PermanentError
from tasker_core.types import StepHandlerCallResult, Task


def even_number(task: Task) -> int:
    """The context's `even_number`, an even integer of any size.

    PermanentError, MISSING_FIELD or INVALID_FIELD, when it is not one.
    """
    context = task.context
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


def computed(operation: str, inputs: Mapping[str, int], output: int) -> StepHandlerCallResult:
    """The success of a step that computed `output` from these numbers, each under its name."""
    return StepHandlerCallResult.success(
        results={"result": output},
        metadata={"operation": operation, "inputs": inputs, "output": output},
    )
