"""The whole workflow, in the test's own process."""

import pytest
from tree_workflow.handlers import TreeWorkflowHandler

from tasker_core.testing import WorkflowTest, check_idempotency


def test_six_gives_what_it_should() -> None:
    result = WorkflowTest(TreeWorkflowHandler).run({"even_number": 6})
    assert result.status == "complete"
    assert {name: step.results["result"] for name, step in result.steps.items()} == {
        "tree_root": 36,
        "tree_branch_left": 1296,
        "tree_branch_right": 1296,
        "tree_leaf_d": 1679616,
        "tree_leaf_e": 1679616,
        "tree_leaf_f": 1679616,
        "tree_leaf_g": 1679616,
        "tree_final_convergence": 6**64,
    }


@pytest.mark.parametrize("number", [2, 10**40])
def test_every_digit_arrives(number: int) -> None:
    result = WorkflowTest(TreeWorkflowHandler).run({"even_number": number})
    assert result["tree_final_convergence"].results == {"result": number**64}


def test_an_odd_number_blocks_the_task_at_its_first_step() -> None:
    result = WorkflowTest(TreeWorkflowHandler).run({"even_number": 7})
    assert result.status == "blocked_by_failures"
    first, *others = result.steps.values()
    assert (first.name, first.state, first.attempts) == ("tree_root", "error", 1)
    assert first.error is not None
    assert first.error.error_code == "INVALID_FIELD"
    assert [(step.state, step.attempts) for step in others] == [("pending", 0)] * 7


def test_whatever_happens_to_an_attempt_the_results_are_the_same() -> None:
    report = check_idempotency(TreeWorkflowHandler, {"even_number": 6})
    assert report.runs >= 8
    assert report.not_compared == ()
