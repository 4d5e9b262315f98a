"""The first leaf of the right branch: squares what the branch gives."""

from numeric_steps import computed

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class TreeLeafFHandler(StepHandlerBase):
    """n becomes n squared."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        number: int = sequence["tree_branch_right"]["result"]
        return computed("square", {"tree_branch_right": number}, number**2)
