"""The workflow's typed face: its context, its results, and how its tasks are started."""

from numeric_steps.models import EvenNumber, Number
from pydantic import BaseModel

from tasker_core.task_handler import TaskHandlerBase


class DiamondResults(BaseModel):
    """What the last step returns."""

    diamond_end: Number


class DiamondWorkflowHandler(TaskHandlerBase[EvenNumber, DiamondResults]):
    """Two branches between a start and an end: n becomes n to the 16th."""

    namespace = "diamond_workflow_py"
    name = "parallel_computation_py"
    version = "1.0.0"
