"""Checks the request."""

import math
from collections.abc import Mapping
from typing import Any

from tasker_core.errors import PermanentError
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class ValidateRequestHandler(StepHandlerBase):
    """Takes `{"amount": number, "requester": str, "purpose": str}`, the amount greater than 0."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Fails for good when a field is missing or wrong."""
        amount = field(task.context, "amount")
        # A bool is an int to Python, but not to whoever sends `true`.
        if not isinstance(amount, int | float) or isinstance(amount, bool):
            raise PermanentError(
                f"amount must be a number, not {amount!r}", error_code="INVALID_FIELD"
            )
        if not 0 < amount < math.inf:
            raise PermanentError(
                f"amount must be greater than 0, and finite, not {amount!r}",
                error_code="INVALID_FIELD",
            )
        return StepHandlerCallResult.success(
            results={
                "amount": amount,
                "requester": text(task.context, "requester"),
                "purpose": text(task.context, "purpose"),
                "validated": True,
            }
        )


def text(context: Any, name: str) -> str:
    """The field's text; PermanentError when it is empty or no text."""
    value = field(context, name)
    if not isinstance(value, str) or not value.strip():
        raise PermanentError(
            f"{name} must be a text that is not empty, not {value!r}", error_code="INVALID_FIELD"
        )
    return value


def field(context: Any, name: str) -> Any:
    """The field's value; PermanentError when it is missing."""
    if not isinstance(context, Mapping) or name not in context:
        raise PermanentError(
            f"{name} is missing from the context {context!r}", error_code="MISSING_FIELD"
        )
    return context[name]
