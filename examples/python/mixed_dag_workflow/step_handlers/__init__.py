"""The workflow's handlers, under the names that its template gives."""

from mixed_dag_workflow.step_handlers.dag_analyze_handler import DagAnalyzeHandler
from mixed_dag_workflow.step_handlers.dag_finalize_handler import DagFinalizeHandler
from mixed_dag_workflow.step_handlers.dag_init_handler import DagInitHandler
from mixed_dag_workflow.step_handlers.dag_process_left_handler import DagProcessLeftHandler
from mixed_dag_workflow.step_handlers.dag_process_right_handler import DagProcessRightHandler
from mixed_dag_workflow.step_handlers.dag_transform_handler import DagTransformHandler
from mixed_dag_workflow.step_handlers.dag_validate_handler import DagValidateHandler

__all__ = [
    "DagAnalyzeHandler",
    "DagFinalizeHandler",
    "DagInitHandler",
    "DagProcessLeftHandler",
    "DagProcessRightHandler",
    "DagTransformHandler",
    "DagValidateHandler",
]
