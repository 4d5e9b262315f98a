"""The workflow's typed face: its context, its results, and how its tasks are started."""

from numeric_steps.models import EvenNumber, Number
from pydantic import BaseModel

from tasker_core.task_handler import TaskHandlerBase


class TreeResults(BaseModel):
    """What the last step returns."""

    tree_final_convergence: Number


class TreeWorkflowHandler(TaskHandlerBase[EvenNumber, TreeResults]):
    """Two branches with two leaves each, joined at the end: n becomes n to the 64th."""

    namespace = "tree_workflow_py"
    name = "hierarchical_tree_py"
    version = "1.0.0"
