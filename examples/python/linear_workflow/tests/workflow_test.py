"""The whole workflow, in the test's own process."""

import pytest
from linear_workflow.handlers import LinearWorkflowHandler
from numeric_steps.models import EvenNumber

from tasker_core.testing import WorkflowTest, check_idempotency


def test_six_gives_what_it_should() -> None:
    result = WorkflowTest(LinearWorkflowHandler).run({"even_number": 6})
    assert result.status == "complete"
    assert {name: step.results["result"] for name, step in result.steps.items()} == {
        "linear_step_1": 36,
        "linear_step_2": 46,
        "linear_step_3": 138,
        "linear_step_4": 69,
    }


@pytest.mark.parametrize("number", [10**40, -(10**40)])
def test_every_digit_arrives(number: int) -> None:
    result = WorkflowTest(LinearWorkflowHandler).run(EvenNumber(even_number=number))
    assert result.results.linear_step_4.result == (number**2 + 10) * 3 // 2


def test_an_odd_number_blocks_the_task_at_its_first_step() -> None:
    result = WorkflowTest(LinearWorkflowHandler).run({"even_number": 7})
    assert result.status == "blocked_by_failures"
    first, *others = result.steps.values()
    assert (first.name, first.state, first.attempts) == ("linear_step_1", "error", 1)
    assert first.error is not None
    assert first.error.error_code == "INVALID_FIELD"
    assert [(step.state, step.attempts) for step in others] == [("pending", 0)] * 3


def test_whatever_happens_to_an_attempt_the_results_are_the_same() -> None:
    report = check_idempotency(LinearWorkflowHandler, {"even_number": 6})
    assert report.runs >= 4
    assert report.not_compared == ()
