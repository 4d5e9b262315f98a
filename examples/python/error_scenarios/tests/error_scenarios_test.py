"""What each handler returns or raises, attempt by attempt."""

from typing import Any

import pytest
from error_scenarios.step_handlers import (
    FlakyStepHandler,
    PermanentErrorStepHandler,
    RetryableErrorStepHandler,
    RetryAfterStepHandler,
    SuccessStepHandler,
    TimeoutStepHandler,
    UnexpectedExceptionStepHandler,
    UnserialisableResultStepHandler,
)

from tasker_core.errors import PermanentError, RetryableError
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


def attempt(handler: Any, number: int, context: Any = None) -> StepHandlerCallResult:
    step = Step(step_name="step", attempt=number, max_attempts=3)
    result = handler().call(Task(context=context), Sequence(), step)
    assert isinstance(result, StepHandlerCallResult)
    assert result.is_success
    return result


def test_success() -> None:
    result = attempt(SuccessStepHandler, 1)
    assert (result.results, result.metadata) == ({"status": "success"}, {"attempt": 1})


def test_a_permanent_error_has_code_and_metadata() -> None:
    with pytest.raises(PermanentError, match="the payment method is not valid") as raised:
        attempt(PermanentErrorStepHandler, 1)
    assert raised.value.error_code == "INVALID_PAYMENT_METHOD"
    assert raised.value.metadata == {"attempt": 1, "payment_method": "expired_card"}


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_retryable_error_comes_at_each_attempt(number: int) -> None:
    with pytest.raises(RetryableError, match="the payment service does not answer") as raised:
        attempt(RetryableErrorStepHandler, number)
    assert raised.value.error_code == "SERVICE_UNAVAILABLE"
    assert raised.value.retry_after is None
    assert raised.value.metadata == {"attempt": number}


def test_a_flaky_step_succeeds_at_the_attempt_that_the_context_names() -> None:
    context = {"succeed_on_attempt": 3}
    for number in (1, 2):
        with pytest.raises(RetryableError, match=f"attempt {number} fails; attempt 3 will not"):
            attempt(FlakyStepHandler, number, context)
    assert attempt(FlakyStepHandler, 3, context).results == {"succeeded_on_attempt": 3}


def test_the_first_failure_asks_for_a_second_s_wait() -> None:
    with pytest.raises(RetryableError, match="too many requests") as raised:
        attempt(RetryAfterStepHandler, 1)
    assert raised.value.retry_after == 1.0
    assert attempt(RetryAfterStepHandler, 2).results == {"succeeded_on_attempt": 2}


def test_the_slow_step_returns_when_it_is_given_up() -> None:
    step = Step(step_name="timeout_step", attempt=1)
    step.cancelled.set()
    result = TimeoutStepHandler().call(Task(context={}), Sequence(), step)
    assert result.results == {"succeeded_on_attempt": 1}
    assert attempt(TimeoutStepHandler, 2).results == {"succeeded_on_attempt": 2}


def test_no_parts_are_a_division_by_zero() -> None:
    with pytest.raises(ZeroDivisionError, match="division by zero"):
        attempt(UnexpectedExceptionStepHandler, 1, {"parts": 0})
    assert attempt(UnexpectedExceptionStepHandler, 1, {"parts": 4}).results == {"share": 25.0}


def test_the_unserialisable_result_holds_a_set() -> None:
    result = attempt(UnserialisableResultStepHandler, 1)
    assert result.results == {"order": {"labels": {"fragile"}}}
