"""Whole workflows, in the test's own process: back-offs take no time on a clock of their own."""

from datetime import timedelta
from typing import Any, TypeVar

import pytest
from error_scenarios.handlers import (
    ErrorTestingHandler,
    PermanentErrorOnlyHandler,
    RetryableErrorOnlyHandler,
    RetryAfterHandler,
    RetryThenSucceedHandler,
    SuccessOnlyHandler,
    TimeoutHandler,
    UnexpectedExceptionHandler,
    UnserialisableResultHandler,
)
from pydantic import BaseModel

from tasker_core.task_handler import TaskHandlerBase
from tasker_core.testing import TaskResult, WorkflowTest
from tasker_core.types import Sequence, Step, Task

PRODUCTION = "production"
SECOND = timedelta(seconds=1)


Results = TypeVar("Results", bound=BaseModel)


def workflow(
    handler: type[TaskHandlerBase[Any, Results]], environment: str = PRODUCTION, **arguments: Any
) -> WorkflowTest[Results]:
    return WorkflowTest(handler, environment=environment, **arguments)


def ended(result: TaskResult) -> list[tuple[str, str, int]]:
    return [(step.name, step.state, step.attempts) for step in result.steps.values()]


def assert_within_a_tenth(waited: timedelta, least: timedelta) -> None:
    assert least <= waited <= least * 1.1


def test_success() -> None:
    result = workflow(SuccessOnlyHandler).run({})
    assert result.status == "complete"
    assert ended(result) == [("success_step", "complete", 1)]


def test_a_permanent_error_takes_one_attempt_and_no_time() -> None:
    test = workflow(PermanentErrorOnlyHandler)
    result = test.run({})
    assert result.status == "blocked_by_failures"
    assert ended(result) == [("permanent_error_step", "error", 1)]
    assert test.now == result.created_at
    error = result["permanent_error_step"].error
    assert error is not None
    assert (error.error_type, error.error_code) == ("PermanentError", "INVALID_PAYMENT_METHOD")
    assert not error.retryable


@pytest.mark.parametrize(
    ("environment", "base"), [("test", timedelta(milliseconds=50)), (PRODUCTION, SECOND)]
)
def test_a_retryable_error_comes_back_after_growing_waits(
    environment: str, base: timedelta
) -> None:
    test = workflow(RetryableErrorOnlyHandler, environment)
    test.start({})
    times = []
    while (step := test.step()) is not None:
        times.append(test.now)
        assert step.attempts == len(times)
    assert ended(test.result) == [("retryable_error_step", "error", 3)]
    assert_within_a_tenth(times[1] - times[0], base)
    assert_within_a_tenth(times[2] - times[1], 2 * base)


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_a_flaky_step_succeeds_at_the_attempt_that_the_context_names(attempt: int) -> None:
    result = workflow(RetryThenSucceedHandler).run({"succeed_on_attempt": attempt})
    assert result.status == "complete"
    assert ended(result) == [("flaky_step", "complete", attempt)]


def test_a_flaky_step_that_would_succeed_too_late_ends_in_error() -> None:
    result = workflow(RetryThenSucceedHandler).run({"succeed_on_attempt": 4})
    assert result.status == "blocked_by_failures"
    assert ended(result) == [("flaky_step", "error", 3)]


def test_retry_after_is_kept_to_the_microsecond() -> None:
    test = workflow(RetryAfterHandler)
    test.start({})
    waiting = test.step()
    assert waiting is not None
    assert waiting.state == "waiting_for_retry"
    assert waiting.next_retry_at == test.now + SECOND
    done = test.step()
    assert done is not None
    assert (done.state, done.started_at) == ("complete", test.result.created_at)
    assert done.completed_at == waiting.next_retry_at


@pytest.mark.parametrize("late", [False, True])
def test_an_attempt_that_takes_too_long_is_followed_by_another(late: bool) -> None:
    def succeed(task: Task, sequence: Sequence, step: Step) -> dict[str, int]:
        return {"succeeded_on_attempt": step.attempt}

    # The example's own handler would wait for the time limit on the real clock.
    test = workflow(TimeoutHandler, handlers={"timeout_step": succeed})
    test.time_out("timeout_step", late=late)
    result = test.run({})
    assert result.status == "complete"
    assert ended(result) == [("timeout_step", "complete", 2)]
    assert result.results.timeout_step.succeeded_on_attempt == 2
    # The worker keeps the limit of a second; the engine, when the worker does not, a second more.
    limit = 2 * SECOND if late else SECOND
    assert test.now - result.created_at - limit >= SECOND


def test_one_success_and_two_failures_side_by_side() -> None:
    result = workflow(ErrorTestingHandler).run({})
    assert result.status == "blocked_by_failures"
    assert ended(result) == [
        ("success_step", "complete", 1),
        ("permanent_error_step", "error", 1),
        ("retryable_error_step", "error", 3),
    ]


def test_an_unexpected_exception_keeps_its_class_and_traceback() -> None:
    result = workflow(UnexpectedExceptionHandler).run({"parts": 0})
    assert ended(result) == [("unexpected_exception_step", "error", 3)]
    error = result["unexpected_exception_step"].error
    assert error is not None
    assert (error.error_type, error.message) == ("ZeroDivisionError", "division by zero")
    assert error.backtrace is not None
    assert error.backtrace.endswith("ZeroDivisionError: division by zero\n")


def test_an_unserialisable_result_says_which_value() -> None:
    result = workflow(UnserialisableResultHandler).run({})
    assert ended(result) == [("unserialisable_result_step", "error", 1)]
    error = result["unserialisable_result_step"].error
    assert error is not None
    assert error.message == (
        "results.order.labels is {'fragile'} of type set, which JSON cannot hold"
    )
