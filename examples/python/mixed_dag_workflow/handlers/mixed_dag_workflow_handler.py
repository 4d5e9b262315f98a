"""The workflow's typed face: its context, its results, and how its tasks are started."""

from numeric_steps.models import EvenNumber, Number
from pydantic import BaseModel

from tasker_core.task_handler import TaskHandlerBase


class MixedDagResults(BaseModel):
    """What the last step returns."""

    dag_finalize: Number


class MixedDagWorkflowHandler(TaskHandlerBase[EvenNumber, MixedDagResults]):
    """Steps with one, two and three parents: n becomes n to the 64th."""

    namespace = "mixed_dag_workflow_py"
    name = "complex_dag_py"
    version = "1.0.0"
