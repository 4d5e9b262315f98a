"""A mistake in a handler."""

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class UnexpectedExceptionStepHandler(StepHandlerBase):
    """Divides by `{"parts": n}`: an exception that nobody foresaw is tried again like any other."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Fails with a ZeroDivisionError when there are no parts."""
        return StepHandlerCallResult.success(results={"share": 100 / task.context["parts"]})
