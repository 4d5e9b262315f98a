"""The linear example in the test's own process, undisturbed and with each fault."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tasker_core.errors import RetryableError
from tasker_core.testing import WorkflowTest

TEMPLATES = Path(os.environ.get("TASKER_TEMPLATE_PATH", "fixtures/task_templates/python"))


@pytest.fixture
def linear() -> WorkflowTest:
    return WorkflowTest(TEMPLATES / "linear_workflow_py.yaml")


def test_each_step_gets_what_the_one_before_it_returned(linear: WorkflowTest) -> None:
    result = linear.run({"even_number": 6}, tags=["first"], correlation_id="c-1")
    assert result.status == "complete"
    assert result.tags == ("first",)
    assert [(step.name, step.state, step.attempts) for step in result.steps.values()] == [
        (f"linear_step_{number}", "complete", 1) for number in (1, 2, 3, 4)
    ]
    assert [step.results["result"] for step in result.steps.values()] == [36, 46, 138, 69]
    assert result["linear_step_2"].parents == ("linear_step_1",)
    assert result.created_at == result.completed_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert linear.now == result.created_at


def test_a_failed_attempt_is_made_again_after_its_back_off(linear: WorkflowTest) -> None:
    linear.fail_attempt("linear_step_2", 1, error=RetryableError("the bank is closed"))
    result = linear.run({"even_number": 6})
    step = result["linear_step_2"]
    assert (result.status, step.attempts, step.results) == ("complete", 2, {"result": 46})
    assert step.completed_at is not None
    waited = step.completed_at - result.created_at
    assert timedelta(milliseconds=50) <= waited <= timedelta(milliseconds=55)


@pytest.mark.parametrize(("before", "after"), [("linear_step_3", None), (None, "linear_step_3")])
def test_a_step_whose_worker_dies_runs_again_on_the_next(
    linear: WorkflowTest, before: str | None, after: str | None
) -> None:
    linear.crash_worker(before=before, after=after)
    result = linear.run({"even_number": 6})
    assert [step.attempts for step in result.steps.values()] == [1, 1, 2, 1]
    assert result["linear_step_3"].worker_id == "test-worker-2"
    assert result["linear_step_4"].results == {"result": 69}


@pytest.mark.parametrize(("before", "after"), [("linear_step_3", None), (None, "linear_step_3")])
def test_an_engine_that_dies_costs_no_attempt(
    linear: WorkflowTest, before: str | None, after: str | None
) -> None:
    linear.crash_engine(before=before, after=after)
    result = linear.run({"even_number": 6})
    assert result["linear_step_4"].results == {"result": 69}
    assert [step.attempts for step in result.steps.values()] == [1, 1, 1, 1]
