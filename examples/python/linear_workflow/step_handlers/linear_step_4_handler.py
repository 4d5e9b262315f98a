"""Halves the third step's result."""

from numeric_steps import computed

from tasker_core.errors import PermanentError
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class LinearStep4Handler(StepHandlerBase):
    """n becomes n / 2, exactly: an integer of any size, never a float."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Fails for good when the number is odd."""
        number: int = sequence["linear_step_3"]["result"]
        output, remainder = divmod(number, 2)
        if remainder:
            raise PermanentError(
                f"the result of linear_step_3 must be even, not {number!r}",
                error_code="INVALID_FIELD",
            )
        return computed("divide", {"linear_step_3": number}, output)
