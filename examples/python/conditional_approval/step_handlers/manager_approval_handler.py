"""The manager's approval."""

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class ManagerApprovalHandler(StepHandlerBase):
    """A manager approves amounts from 1,000."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        return StepHandlerCallResult.success(
            results={
                "approved": True,
                "approver": "manager@example.com",
                "approval_type": "manager",
            }
        )
