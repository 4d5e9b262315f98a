"""The second leaf of the left branch: squares what the branch gives."""

from numeric_steps import computed

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class TreeLeafEHandler(StepHandlerBase):
    """n becomes n squared."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        number: int = sequence["tree_branch_left"]["result"]
        return computed("square", {"tree_branch_left": number}, number**2)
