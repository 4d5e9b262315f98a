"""Approves small amounts."""

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class AutoApproveHandler(StepHandlerBase):
    """Nobody has to look at it."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        return StepHandlerCallResult.success(
            results={"approved": True, "approver": "system", "approval_type": "automatic"}
        )
