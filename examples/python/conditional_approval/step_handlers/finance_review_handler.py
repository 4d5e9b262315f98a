"""The finance department's approval."""

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class FinanceReviewHandler(StepHandlerBase):
    """Finance approves amounts from 5,000, beside the manager."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        return StepHandlerCallResult.success(
            results={
                "approved": True,
                "approver": "finance@example.com",
                "approval_type": "finance",
            }
        )
