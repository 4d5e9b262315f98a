"""The whole workflow, in the test's own process."""

import pytest
from mixed_dag_workflow.handlers import MixedDagWorkflowHandler

from tasker_core.testing import WorkflowTest, check_idempotency


def test_six_gives_what_it_should() -> None:
    result = WorkflowTest(MixedDagWorkflowHandler).run({"even_number": 6})
    assert result.status == "complete"
    assert {name: step.results["result"] for name, step in result.steps.items()} == {
        "dag_init": 36,
        "dag_process_left": 1296,
        "dag_process_right": 1296,
        "dag_validate": 2821109907456,
        "dag_transform": 1679616,
        "dag_analyze": 1679616,
        "dag_finalize": 6**64,
    }


@pytest.mark.parametrize("number", [2, 10**40])
def test_every_digit_arrives(number: int) -> None:
    result = WorkflowTest(MixedDagWorkflowHandler).run({"even_number": number})
    assert result["dag_finalize"].results == {"result": number**64}


def test_an_odd_number_blocks_the_task_at_its_first_step() -> None:
    result = WorkflowTest(MixedDagWorkflowHandler).run({"even_number": 7})
    assert result.status == "blocked_by_failures"
    first, *others = result.steps.values()
    assert (first.name, first.state, first.attempts) == ("dag_init", "error", 1)
    assert first.error is not None
    assert first.error.error_code == "INVALID_FIELD"
    assert [(step.state, step.attempts) for step in others] == [("pending", 0)] * 6


def test_whatever_happens_to_an_attempt_the_results_are_the_same() -> None:
    report = check_idempotency(MixedDagWorkflowHandler, {"even_number": 6})
    assert report.runs >= 7
    assert report.not_compared == ()
