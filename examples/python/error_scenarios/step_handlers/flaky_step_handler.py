"""A step that succeeds at a later attempt."""

from error_scenarios.step_handlers.succeeded import succeeded
from tasker_core.errors import RetryableError
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class FlakyStepHandler(StepHandlerBase):
    """Fails until attempt `succeed_on_attempt` of `{"succeed_on_attempt": n}`."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Fails, to be tried again, at each attempt before that."""
        succeed_on_attempt: int = task.context["succeed_on_attempt"]
        if step.attempt < succeed_on_attempt:
            raise RetryableError(
                f"attempt {step.attempt} fails; attempt {succeed_on_attempt} will not",
                error_code="NOT_YET",
            )
        return succeeded(step)
