"""The whole workflow, in the test's own process."""

import pytest
from diamond_workflow.handlers import DiamondWorkflowHandler

from tasker_core.testing import WorkflowTest, check_idempotency


def test_six_gives_what_it_should() -> None:
    result = WorkflowTest(DiamondWorkflowHandler).run({"even_number": 6})
    assert result.status == "complete"
    assert {name: step.results["result"] for name, step in result.steps.items()} == {
        "diamond_start": 36,
        "diamond_branch_b": 1296,
        "diamond_branch_c": 1296,
        "diamond_end": 2821109907456,
    }


@pytest.mark.parametrize("number", [4, 10**40])
def test_every_digit_arrives(number: int) -> None:
    result = WorkflowTest(DiamondWorkflowHandler).run({"even_number": number})
    assert result["diamond_end"].results == {"result": number**16}


def test_an_odd_number_blocks_the_task_at_its_first_step() -> None:
    result = WorkflowTest(DiamondWorkflowHandler).run({"even_number": 7})
    assert result.status == "blocked_by_failures"
    first, *others = result.steps.values()
    assert (first.name, first.state, first.attempts) == ("diamond_start", "error", 1)
    assert first.error is not None
    assert first.error.error_code == "INVALID_FIELD"
    assert [(step.state, step.attempts) for step in others] == [("pending", 0)] * 3


def test_whatever_happens_to_an_attempt_the_results_are_the_same() -> None:
    report = check_idempotency(DiamondWorkflowHandler, {"even_number": 6})
    assert report.runs >= 4
    assert report.not_compared == ()
