"""The workflow's typed face: its context, its results, and how its tasks are started."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from tasker_core.task_handler import TaskHandlerBase

Text = Annotated[str, Field(min_length=1)]


class Request(BaseModel):
    """What is to be approved."""

    amount: Annotated[int | float, Field(gt=0, allow_inf_nan=False)]
    requester: Text
    purpose: Text


class Approval(BaseModel):
    """What each approval returns."""

    approved: bool
    approver: str
    approval_type: Literal["automatic", "manager", "finance"]


class FinalApproval(BaseModel):
    """What finalize_approval returns: the approvals that were made, the manager's first."""

    final_status: Literal["approved"]
    approval_count: int
    approval_path: Literal["auto", "manager", "dual"]
    approvals: list[Approval]


class ConditionalApprovalResults(BaseModel):
    """What the last step returns."""

    finalize_approval: FinalApproval


class ConditionalApprovalHandler(TaskHandlerBase[Request, ConditionalApprovalResults]):
    """Approves a request, by whom depends on the amount."""

    namespace = "conditional_approval_py"
    name = "approval_routing_py"
    version = "1.0.0"
