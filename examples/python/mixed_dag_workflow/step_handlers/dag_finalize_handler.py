"""Joins the three steps in the middle: squares their product."""

import math

from numeric_steps import computed

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

PARENTS = ("dag_validate", "dag_transform", "dag_analyze")


class DagFinalizeHandler(StepHandlerBase):
    """v, t and a become (v x t x a) squared."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        inputs: dict[str, int] = {name: sequence[name]["result"] for name in PARENTS}
        return computed("multiply_and_square", inputs, math.prod(inputs.values()) ** 2)
