"""The workflow's task handler, under the name that its template gives."""

from tree_workflow.handlers.tree_workflow_handler import TreeWorkflowHandler

__all__ = ["TreeWorkflowHandler"]
