"""A workflow's typed face: tasks of it are started, waited for and read by models.

Layout, each module above those it imports:
- `base`: the class that a workflow derives from, and how its tasks are started.
- `handle`: a task that was started: its status, its results.
- `results`: what the steps returned, as the results' model.
- `agreement`: whether a task handler and its template say the same; `schema_difference` compares
  their JSON Schemas.

Nothing here imports the client or pydantic before it is called.
"""

from tasker_core.task_handler.agreement import Difference, check, problem
from tasker_core.task_handler.base import TaskHandlerBase
from tasker_core.task_handler.handle import AsyncTaskHandle, TaskHandle

__all__ = [
    "AsyncTaskHandle",
    "Difference",
    "TaskHandle",
    "TaskHandlerBase",
    "check",
    "problem",
]
