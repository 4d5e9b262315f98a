"""What goes wrong in a run when the test says so, and what comes of it."""

from collections import Counter
from datetime import timedelta

import pytest

from tasker_core.errors import PermanentError, RefusedError, RetryableError, WorkflowTestError
from tasker_core.step_handler import StepHandlerBase
from tasker_core.testing import WorkflowTest
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

DIAMOND = """
name: diamond
namespace_name: tests
version: 1.0.0
steps:
  - name: start
    handler: {callable: tests.call}
    timeout_seconds: 30
    retry: {max_attempts: 4, backoff: linear, backoff_base_ms: 1000}
  - name: left
    dependencies: [start]
    handler: {callable: tests.call}
  - name: right
    dependencies: [start]
    handler: {callable: tests.call}
    retry: {retryable: false}
  - name: end
    dependencies: [left, right]
    handler: {callable: tests.call}
"""


class Calls(StepHandlerBase):
    """Counts its calls, by step."""

    def __init__(self) -> None:
        self.of: Counter[str] = Counter()

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        self.of[step.step_name] += 1
        return StepHandlerCallResult.success(results={"attempt": step.attempt})


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def diamond(calls: Calls) -> WorkflowTest:
    return WorkflowTest(DIAMOND, {"tests.call": calls})


def test_attempts_fail_as_raised_or_returned_and_their_handlers_are_not_called(
    diamond: WorkflowTest, calls: Calls
) -> None:
    diamond.fail_attempt("start", 1, error=RetryableError("closed", error_code="E1"))
    diamond.fail_attempt("start", 2, error=ValueError("odd"))
    diamond.fail_attempt(
        "start",
        3,
        error=StepHandlerCallResult.failure("busy", retryable=True, retry_after=60),
    )
    diamond.start({})
    errors = []
    for _ in range(3):
        step = diamond.step()
        assert step is not None
        assert step.error is not None
        errors.append((step.error.error_type, step.error.message, step.error.error_code))
    assert errors == [
        ("RetryableError", "closed", "E1"),
        ("ValueError", "odd", None),
        ("handler_error", "busy", None),
    ]
    before = diamond.now
    result = diamond.run_until_blocked()
    assert (result.status, result["start"].results) == ("complete", {"attempt": 4})
    assert calls.of == {"start": 1, "left": 1, "right": 1, "end": 1}
    assert diamond.now - before == timedelta(seconds=60)


def test_a_permanent_failure_blocks_the_task(diamond: WorkflowTest, calls: Calls) -> None:
    diamond.fail_attempt("left", error=PermanentError("never", error_code="NEVER"))
    result = diamond.run({})
    assert (result.status, result["left"].state) == ("blocked_by_failures", "error")
    assert result["end"].waiting_on == "blocked by the failure of left"
    assert result.waiting_on == ("left: failed after 1 of 3 attempts: never",)
    assert calls.of["end"] == 0


def test_an_attempt_that_times_out_has_run_and_runs_again(
    diamond: WorkflowTest, calls: Calls
) -> None:
    diamond.time_out("start", 1)
    diamond.start({})
    first = diamond.step()
    assert first is not None
    assert first.state == "in_progress"
    result = diamond.run_until_blocked()
    start = result["start"]
    assert start.completed_at is not None
    assert timedelta(seconds=31) <= start.completed_at - result.created_at < timedelta(seconds=32)
    assert (result.status, start.attempts, calls.of["start"]) == ("complete", 2, 2)


def test_a_late_outcome_changes_nothing(diamond: WorkflowTest, calls: Calls) -> None:
    diamond.time_out("start", 1, late=True)
    result = diamond.run({})
    start = result["start"]
    assert start.completed_at is not None
    # The time limit, the engine's second of grace, and the back-off.
    assert timedelta(seconds=32) <= start.completed_at - result.created_at < timedelta(seconds=33)
    assert (result.status, start.results, calls.of["start"]) == ("complete", {"attempt": 2}, 2)


def test_an_outcome_that_comes_twice_counts_once(diamond: WorkflowTest, calls: Calls) -> None:
    for step in ("start", "left", "right", "end"):
        diamond.deliver_twice(step)
    result = diamond.run({})
    assert result.status == "complete"
    assert {step.attempts for step in result.steps.values()} == {1}
    assert set(calls.of.values()) == {1}


def test_a_worker_that_dies_loses_all_that_it_holds(diamond: WorkflowTest, calls: Calls) -> None:
    diamond.crash_worker(before="left")
    result = diamond.run({})
    assert calls.of == {"start": 1, "left": 1}
    assert (result.status, result["left"].attempts) == ("blocked_by_failures", 2)
    error = result["right"].error
    assert error is not None
    assert (error.error_type, error.message) == (
        "worker_lost",
        "worker test-worker-1 went away while it ran attempt 1",
    )


def test_worker_and_engine_die_between_any_two_steps(diamond: WorkflowTest, calls: Calls) -> None:
    diamond.start({})
    while diamond.step() is not None:
        diamond.crash_engine()
    assert diamond.result.status == "complete"
    assert set(calls.of.values()) == {1}
    diamond.start({})
    diamond.crash_worker()
    diamond.crash_engine()
    diamond.crash_worker()
    result = diamond.run_until_blocked()
    assert (result.status, result["start"].attempts) == ("complete", 2)


def test_an_engine_that_dies_with_an_outcome_gets_it_again(
    diamond: WorkflowTest, calls: Calls
) -> None:
    diamond.crash_engine(after="start")
    diamond.crash_engine(after="end", committed=True)
    result = diamond.run({})
    assert result.status == "complete"
    assert {step.attempts for step in result.steps.values()} == {1}
    assert set(calls.of.values()) == {1}


def test_a_dispatch_that_died_with_its_engine_is_made_under_the_next_number(
    diamond: WorkflowTest, calls: Calls
) -> None:
    diamond.crash_engine(after="start", committed=True)
    result = diamond.run({})
    assert (result.status, result["right"].attempts) == ("complete", 2)
    assert calls.of["right"] == 1


def test_a_cancelled_task_runs_nothing_more(diamond: WorkflowTest, calls: Calls) -> None:
    diamond.start({})
    diamond.step()
    result = diamond.cancel()
    assert result.status == "cancelled"
    assert [step.state for step in result.steps.values()] == ["complete"] + 3 * ["cancelled"]
    assert diamond.step() is None
    assert calls.of == {"start": 1}
    with pytest.raises(RefusedError, match="has ended as `cancelled`"):
        diamond.cancel()


def test_what_cannot_go_wrong_is_refused(diamond: WorkflowTest) -> None:
    with pytest.raises(WorkflowTestError, match="no step 'strat'; it has start, left, right, end"):
        diamond.deliver_twice("strat")
    with pytest.raises(WorkflowTestError, match="left has no `timeout_seconds`"):
        diamond.time_out("left")
    with pytest.raises(WorkflowTestError, match="`before` or `after`, not both"):
        diamond.crash_worker(before="left", after="left")
    with pytest.raises(WorkflowTestError, match="no task was started"):
        diamond.crash_worker()
    diamond.deliver_twice("left")
    with pytest.raises(WorkflowTestError, match="attempt 1 of left has a fault already"):
        diamond.crash_worker(before="left")


def test_a_fault_that_never_happened_fails_the_test(diamond: WorkflowTest) -> None:
    diamond.crash_worker(before="left", attempt=2)
    with pytest.raises(WorkflowTestError, match="CrashWorker at attempt 2 of left"):
        diamond.run({})
    assert diamond.run({}).status == "complete"
