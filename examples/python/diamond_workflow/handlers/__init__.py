"""The workflow's task handler, under the name that its template gives."""

from diamond_workflow.handlers.diamond_workflow_handler import DiamondWorkflowHandler

__all__ = ["DiamondWorkflowHandler"]
