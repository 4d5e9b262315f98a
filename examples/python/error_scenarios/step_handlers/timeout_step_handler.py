"""A step whose first attempt takes longer than the template allows."""

from error_scenarios.step_handlers.succeeded import succeeded
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class TimeoutStepHandler(StepHandlerBase):
    """Goes on until its first attempt is given up; what that returns then counts for nothing."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails by itself."""
        if step.attempt == 1:
            # The event is set when the time is over. Without it, say in a handler that calls a
            # slow service, the thread would go on just the same.
            step.cancelled.wait(timeout=5)
        return succeeded(step)
