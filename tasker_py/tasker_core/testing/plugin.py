"""The pytest plugin: `-p tasker_core.testing.plugin`, or by itself once the wheel is installed."""

import pytest

from tasker_core.testing.workflow import WorkflowTest


@pytest.fixture
def workflow_test() -> type[WorkflowTest]:
    """Makes a WorkflowTest; takes its arguments: template, handlers, environment, seed."""
    return WorkflowTest
