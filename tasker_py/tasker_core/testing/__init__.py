"""Tests of whole workflows in the test's own process: `WorkflowTest`; fixtures are in `plugin`."""

from tasker_core.testing.result import StepError, StepResult, TaskResult
from tasker_core.testing.workflow import WorkflowTest

__all__ = ["StepError", "StepResult", "TaskResult", "WorkflowTest"]
