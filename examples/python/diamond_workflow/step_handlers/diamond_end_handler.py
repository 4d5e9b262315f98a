"""Joins the branches: squares their product."""

from numeric_steps import computed

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class DiamondEndHandler(StepHandlerBase):
    """b and c become (b x c) squared."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        b: int = sequence["diamond_branch_b"]["result"]
        c: int = sequence["diamond_branch_c"]["result"]
        inputs = {"diamond_branch_b": b, "diamond_branch_c": c}
        return computed("multiply_and_square", inputs, (b * c) ** 2)
