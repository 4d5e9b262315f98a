"""A result that JSON has no place for."""

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class UnserialisableResultStepHandler(StepHandlerBase):
    """Returns a set: the step fails for good, and its error says which value cannot be kept."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Succeeds, as far as the handler knows."""
        return StepHandlerCallResult.success(results={"order": {"labels": {"fragile"}}})
