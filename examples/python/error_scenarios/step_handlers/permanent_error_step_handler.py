"""A failure that no further attempt can mend."""

from tasker_core.errors import PermanentError
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class PermanentErrorStepHandler(StepHandlerBase):
    """Says that trying again is of no use: the step ends in error after one attempt."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Fails for good."""
        raise PermanentError(
            "the payment method is not valid",
            error_code="INVALID_PAYMENT_METHOD",
            metadata={"attempt": step.attempt, "payment_method": "expired_card"},
        )
