"""The left branch: squares what the root gives."""

from numeric_steps import computed

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class TreeBranchLeftHandler(StepHandlerBase):
    """n becomes n squared."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        number: int = sequence["tree_root"]["result"]
        return computed("square", {"tree_root": number}, number**2)
