"""The workflow's task handler, under the name that its template gives."""

from conditional_approval.handlers.conditional_approval_handler import ConditionalApprovalHandler

__all__ = ["ConditionalApprovalHandler"]
