"""The workflow's task handler, under the name that its template gives."""

from linear_workflow.handlers.linear_workflow_handler import LinearWorkflowHandler

__all__ = ["LinearWorkflowHandler"]
