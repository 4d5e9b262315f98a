"""Decides who has to approve."""

from tasker_core.step_handler import DecisionHandler
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

MANAGER_FROM = 1000
FINANCE_FROM = 5000

BRANCHES = {
    "auto": ["auto_approve"],
    "manager": ["manager_approval"],
    "dual": ["manager_approval", "finance_review"],
}


class RoutingDecisionHandler(DecisionHandler):
    """Below 1,000 nobody, below 5,000 a manager, else a manager and finance."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Names the approvals that are to be made; the others never exist. Never fails."""
        amount: float = sequence["validate_request"]["amount"]
        path = approval_path(amount)
        return self.create_steps(BRANCHES[path], results={"approval_path": path, "amount": amount})


def approval_path(amount: float) -> str:
    """`auto`, `manager` or `dual`."""
    if amount < MANAGER_FROM:
        return "auto"
    return "manager" if amount < FINANCE_FROM else "dual"
