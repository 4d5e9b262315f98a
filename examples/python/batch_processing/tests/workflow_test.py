"""The whole workflow, in the test's own process: batches from none to many."""

import pytest
from batch_processing.handlers import BatchProcessingHandler

from tasker_core.testing import WorkflowTest, check_idempotency


@pytest.mark.parametrize(("total", "batches"), [(0, 0), (1, 1), (1500, 2), (10_000, 10)])
def test_the_batches_add_up(total: int, batches: int) -> None:
    result = WorkflowTest(BatchProcessingHandler).run({"total_items": total})
    assert result.status == "complete"
    names = [f"process_items_{number:03}" for number in range(1, batches + 1)]
    assert list(result.steps) == ["analyze_items", *names, "sum_items"]
    assert result["sum_items"].results == {
        "total_processed": total,
        "total": total * (total + 1) // 2,
        "worker_count": batches,
    }


def test_a_batch_that_fails_is_tried_again_by_itself() -> None:
    test = WorkflowTest(BatchProcessingHandler)
    test.fail_attempt("process_items_002", 1, error=OSError("no room"))
    result = test.run({"total_items": 3000})
    assert result.status == "complete"
    assert [step.attempts for step in result.steps.values()] == [1, 1, 2, 1, 1]
    assert result.results.sum_items.total == 4_501_500


def test_whatever_happens_to_an_attempt_the_sum_is_the_same() -> None:
    report = check_idempotency(BatchProcessingHandler, {"total_items": 1500})
    assert report.runs >= 3
    assert report.not_compared == ()
