"""Gathers the approvals that were made."""

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

APPROVALS = ("auto_approve", "manager_approval", "finance_review")


class FinalizeApprovalHandler(StepHandlerBase):
    """Runs once every approval is made that the decision asked for; the manager's comes first."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        approvals = [sequence[name] for name in APPROVALS if name in sequence]
        return StepHandlerCallResult.success(
            results={
                "final_status": "approved",
                "approval_count": len(approvals),
                "approval_path": sequence["routing_decision"]["approval_path"],
                "approvals": approvals,
            }
        )
