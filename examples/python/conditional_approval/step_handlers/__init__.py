"""The workflow's handlers, under the names that its template gives."""

from conditional_approval.step_handlers.auto_approve_handler import AutoApproveHandler
from conditional_approval.step_handlers.finalize_approval_handler import FinalizeApprovalHandler
from conditional_approval.step_handlers.finance_review_handler import FinanceReviewHandler
from conditional_approval.step_handlers.manager_approval_handler import ManagerApprovalHandler
from conditional_approval.step_handlers.routing_decision_handler import RoutingDecisionHandler
from conditional_approval.step_handlers.validate_request_handler import ValidateRequestHandler

__all__ = [
    "AutoApproveHandler",
    "FinalizeApprovalHandler",
    "FinanceReviewHandler",
    "ManagerApprovalHandler",
    "RoutingDecisionHandler",
    "ValidateRequestHandler",
]
