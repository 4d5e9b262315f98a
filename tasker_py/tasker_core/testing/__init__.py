"""Tests of whole workflows in the test's own process: `WorkflowTest` and `check_idempotency`."""

from tasker_core.testing.effects import Effects
from tasker_core.testing.handlers import HandlerLike
from tasker_core.testing.idempotency import IdempotencyReport, check_idempotency
from tasker_core.testing.result import HistoryEntry, StepError, StepResult, TaskResult
from tasker_core.testing.workflow import WorkflowTest

__all__ = [
    "Effects",
    "HandlerLike",
    "HistoryEntry",
    "IdempotencyReport",
    "StepError",
    "StepResult",
    "TaskResult",
    "WorkflowTest",
    "check_idempotency",
]
