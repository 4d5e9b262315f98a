"""A failure that says when to try again."""

from error_scenarios.step_handlers.succeeded import succeeded
from tasker_core.errors import RetryableError
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class RetryAfterStepHandler(StepHandlerBase):
    """Fails once, as a service does that limits its callers and says how long to wait."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Fails at the first attempt, to be tried again after exactly a second."""
        if step.attempt == 1:
            raise RetryableError("too many requests", retry_after=1.0, error_code="RATE_LIMITED")
        return succeeded(step)
