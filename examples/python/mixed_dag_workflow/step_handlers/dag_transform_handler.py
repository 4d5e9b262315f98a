"""Needs the left side alone: squares it."""

from numeric_steps import computed

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class DagTransformHandler(StepHandlerBase):
    """n becomes n squared."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        number: int = sequence["dag_process_left"]["result"]
        return computed("square", {"dag_process_left": number}, number**2)
