"""The workflow's task handler, under the name that its template gives."""

from mixed_dag_workflow.handlers.mixed_dag_workflow_handler import MixedDagWorkflowHandler

__all__ = ["MixedDagWorkflowHandler"]
