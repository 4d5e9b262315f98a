"""Needs both sides: squares their product."""

from numeric_steps import computed

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class DagValidateHandler(StepHandlerBase):
    """l and r become (l x r) squared."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        left: int = sequence["dag_process_left"]["result"]
        right: int = sequence["dag_process_right"]["result"]
        inputs = {"dag_process_left": left, "dag_process_right": right}
        return computed("multiply_and_square", inputs, (left * right) ** 2)
