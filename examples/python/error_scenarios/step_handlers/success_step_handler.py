"""A step that nothing happens to."""

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class SuccessStepHandler(StepHandlerBase):
    """Succeeds at its first attempt."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        return StepHandlerCallResult.success(
            results={"status": "success"}, metadata={"attempt": step.attempt}
        )
