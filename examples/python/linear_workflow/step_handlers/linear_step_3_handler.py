"""Multiplies the second step's result by 3."""

from numeric_steps import computed

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class LinearStep3Handler(StepHandlerBase):
    """n becomes 3n."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        number: int = sequence["linear_step_2"]["result"]
        return computed("multiply", {"linear_step_2": number}, number * 3)
