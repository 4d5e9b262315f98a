"""Adds 10 to the first step's result."""

from numeric_steps import computed

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class LinearStep2Handler(StepHandlerBase):
    """n becomes n + 10."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        number: int = sequence["linear_step_1"]["result"]
        return computed("add", {"linear_step_1": number}, number + 10)
