"""The right side: squares what the first step gives."""

from numeric_steps import computed

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class DagProcessRightHandler(StepHandlerBase):
    """n becomes n squared."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        number: int = sequence["dag_init"]["result"]
        return computed("square", {"dag_init": number}, number**2)
