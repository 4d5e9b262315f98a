"""The virtual clock: back-offs, time limits and what falls into a span of time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from tasker_core.errors import RetryableError, WorkflowTestError
from tasker_core.testing import WorkflowTest
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

MONTH_MS = 30 * 24 * 3600 * 1000

MONTHLY = f"""
name: monthly
namespace_name: tests
version: 1.0.0
lifecycle: {{max_duration_seconds: 15552000}}
steps:
  - name: poll
    handler: {{callable: tests.poll}}
    retry: {{max_attempts: 100, backoff: linear, backoff_base_ms: {MONTH_MS},
             max_backoff_ms: {MONTH_MS}}}
"""


def failing_until(attempt: int) -> Callable[[Task, Sequence, Step], StepHandlerCallResult]:
    def poll(task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        if step.attempt < attempt:
            raise RetryableError("not yet")
        return StepHandlerCallResult.success({"attempt": step.attempt})

    return poll


def test_a_back_off_of_a_month_passes_at_once() -> None:
    test = WorkflowTest(MONTHLY, {"poll": failing_until(2)})
    result = test.run({})
    poll = result["poll"]
    assert (result.status, poll.attempts) == ("complete", 2)
    assert result.created_at == poll.started_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert poll.completed_at is not None
    assert timedelta(days=30) <= poll.completed_at - result.created_at <= timedelta(days=33)


def test_time_passes_as_far_as_it_is_told_to() -> None:
    test = WorkflowTest(MONTHLY, {"poll": failing_until(3)})
    test.start({})
    result = test.advance(timedelta(0))
    assert result["poll"].state == "waiting_for_retry"
    retry_at = result["poll"].next_retry_at
    assert retry_at is not None
    result = test.advance(retry_at - test.now - timedelta(microseconds=1))
    assert (result["poll"].attempts, result.status) == (1, "waiting_for_retry")
    result = test.advance(timedelta(microseconds=1))
    assert (result["poll"].attempts, test.now) == (2, retry_at)
    assert test.advance(timedelta(days=33)).status == "complete"
    assert test.now == retry_at + timedelta(days=33)


def test_a_task_that_takes_too_long_ends() -> None:
    test = WorkflowTest(MONTHLY, {"poll": failing_until(100)})
    result = test.run({})
    assert (result.status, result["poll"].state) == ("error", "cancelled")
    assert result.completed_at == result.created_at + timedelta(days=180)


@pytest.mark.parametrize("seed", [0, 7])
def test_a_run_follows_from_its_seed(seed: int) -> None:
    def run() -> list[object]:
        test = WorkflowTest(MONTHLY, {"poll": failing_until(3)}, seed=seed)
        result = test.run({})
        return [result.task_uuid, result["poll"].step_uuid, result["poll"].completed_at]

    first = run()
    assert first == run()
    other = WorkflowTest(MONTHLY, {"poll": failing_until(3)}, seed=seed + 1).run({})
    assert other.task_uuid != first[0]
    assert other["poll"].completed_at != first[2]


# A moment in milliseconds since 1970, as APIs send it; a placeholder for "never".
@pytest.mark.parametrize("retry_after", [1_767_225_600_000, 1e15])
def test_a_wait_of_ages_is_not_waited_for(retry_after: float) -> None:
    def busy(task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        raise RetryableError("too many requests", retry_after=retry_after)

    test = WorkflowTest(MONTHLY, {"poll": busy})
    test.start({})
    step = test.step()
    assert step is not None
    assert step.state == "waiting_for_retry"
    assert step.next_retry_at is not None
    assert step.next_retry_at - test.now < timedelta(days=366)
    assert step.error is not None
    assert step.error.message.startswith("too many requests (without its retry_after: ")


def test_the_clock_goes_to_the_last_year_and_no_further() -> None:
    test = WorkflowTest(MONTHLY, {"poll": failing_until(1)})
    test.start({})
    with pytest.raises(WorkflowTestError, match="a clock shows no time that is"):
        test.advance(timedelta.max)
    test.advance(datetime(9999, 12, 31, tzinfo=UTC) - test.now)
    assert test.now.year == 9999
