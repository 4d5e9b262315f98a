"""The workflow's typed face: its context, its results, and how its tasks are started."""

from numeric_steps.models import EvenNumber, Number
from pydantic import BaseModel

from tasker_core.task_handler import TaskHandlerBase


class LinearResults(BaseModel):
    """What the last step returns."""

    linear_step_4: Number


class LinearWorkflowHandler(TaskHandlerBase[EvenNumber, LinearResults]):
    """Four steps of arithmetic in a row: n becomes (n squared + 10) x 3 / 2."""

    namespace = "linear_workflow_py"
    name = "mathematical_sequence_py"
    version = "1.0.0"
