"""A failure that each attempt meets anew."""

from tasker_core.errors import RetryableError
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class RetryableErrorStepHandler(StepHandlerBase):
    """Fails as often as it is tried: after the last attempt the step ends in error."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Fails, to be tried again after the template's back-off."""
        raise RetryableError(
            "the payment service does not answer",
            error_code="SERVICE_UNAVAILABLE",
            metadata={"attempt": step.attempt},
        )
