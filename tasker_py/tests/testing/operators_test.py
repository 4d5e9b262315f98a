"""What people do to a task that is blocked."""

from typing import Any

import pytest

from tasker_core.errors import PermanentError, RefusedError, WorkflowTestError
from tasker_core.testing import WorkflowTest
from tasker_core.types import Sequence, Step, Task

TEMPLATE = """
name: blocked
namespace_name: tests
version: 1.0.0
steps:
  - name: route
    type: decision
    handler: {callable: tests.route}
  - name: left
    dependencies: [route]
    handler: {callable: tests.left}
  - name: split
    type: batchable
    handler: {callable: tests.split}
  - name: part
    type: batch_worker
    dependencies: [split]
    handler: {callable: tests.part}
  - name: end
    type: deferred_convergence
    dependencies: [left, part]
    handler: {callable: tests.end}
"""


def show(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
    step.logger.info("%s runs", step.step_name)
    return {"cursor": step.cursor.data if step.step_name.startswith("part") else None}


@pytest.fixture
def blocked() -> WorkflowTest:
    """Both steps that begin have failed for good."""
    handlers = {f"tests.{name}": show for name in ("route", "left", "split", "part", "end")}
    test = WorkflowTest(TEMPLATE, handlers)
    for step in ("route", "split"):
        test.fail_attempt(step, error=PermanentError("no"))
    assert test.run({}).status == "blocked_by_failures"
    return test


def test_steps_are_completed_in_their_handlers_place(blocked: WorkflowTest) -> None:
    blocked.complete("route", {"by": "hand"}, create_steps=["left"])
    blocked.complete("split", {}, batches=[{"start": 0, "end": 1, "data": "a"}])
    result = blocked.run_until_blocked()
    assert result.status == "resolved_manually"
    assert {name: step.state for name, step in result.steps.items()} == {
        "route": "resolved_manually",
        "left": "complete",
        "split": "resolved_manually",
        "part_001": "complete",
        "end": "complete",
    }
    assert result["route"].results == {"by": "hand"}
    assert result["part_001"].results == {"cursor": "a"}


def test_a_resolved_step_has_no_branches(blocked: WorkflowTest) -> None:
    blocked.resolve("route")
    blocked.resolve("split", by="ann", reason="nothing to do")
    result = blocked.run_until_blocked()
    assert result.status == "resolved_manually"
    assert list(result.steps) == ["route", "split", "end"]
    entry = blocked.history("split")[-1]
    assert (entry.outcome, entry.by, entry.reason) == ("resolved", "ann", "nothing to do")


def test_a_step_is_retried_and_its_logs_are_in_its_history(
    blocked: WorkflowTest, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    result = blocked.retry("route")
    assert (result["route"].state, result["route"].max_attempts) == ("in_progress", 4)
    step = blocked.step()
    assert step is not None
    # It is a decision and says nothing of the steps to make.
    assert step.error is not None
    assert (step.name, step.attempts, step.error.error_code) == ("route", 2, "MISSING_BRANCHES")
    assert [entry.outcome for entry in blocked.history("route")] == [
        "failed",
        "retried",
        "rejected",
    ]
    assert blocked.history("route")[-1].logs == ("route runs",)
    [record] = map(vars, caplog.records)
    assert (record["step_name"], record["attempt"]) == ("route", 2)


def test_what_an_operator_cannot_do_is_refused(blocked: WorkflowTest) -> None:
    with pytest.raises(RefusedError) as refused:
        blocked.complete("route", {}, create_steps=["end"])
    assert (refused.value.code, refused.value.details) == (
        "OUTCOME_INVALID",
        {"error_code": "INVALID_BRANCH"},
    )
    blocked.resolve("route")
    with pytest.raises(RefusedError, match="the step is `resolved_manually`"):
        blocked.retry("route")
    with pytest.raises(WorkflowTestError, match="the task has no step 'left'; it has route, split"):
        blocked.retry("left")
