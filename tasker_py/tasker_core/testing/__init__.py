"""Tests of whole workflows in the test's own process: `WorkflowTest` and `check_idempotency`."""

from tasker_core.testing.effects import Effects
from tasker_core.testing.idempotency import IdempotencyReport, check_idempotency
from tasker_core.testing.result import StepError, StepResult, TaskResult
from tasker_core.testing.workflow import WorkflowTest

__all__ = [
    "Effects",
    "IdempotencyReport",
    "StepError",
    "StepResult",
    "TaskResult",
    "WorkflowTest",
    "check_idempotency",
]
