"""Joins the four leaves: squares their product."""

import math

from numeric_steps import computed

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

PARENTS = ("tree_leaf_d", "tree_leaf_e", "tree_leaf_f", "tree_leaf_g")


class TreeFinalConvergenceHandler(StepHandlerBase):
    """d, e, f and g become (d x e x f x g) squared."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        inputs: dict[str, int] = {name: sequence[name]["result"] for name in PARENTS}
        return computed("multiply_and_square", inputs, math.prod(inputs.values()) ** 2)
