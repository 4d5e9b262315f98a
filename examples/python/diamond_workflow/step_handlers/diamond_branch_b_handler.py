"""One branch: squares what the start gives."""

from numeric_steps import computed

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class DiamondBranchBHandler(StepHandlerBase):
    """n becomes n squared."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        number: int = sequence["diamond_start"]["result"]
        return computed("square", {"diamond_start": number}, number**2)
