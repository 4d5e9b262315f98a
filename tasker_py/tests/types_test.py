"""Task, Step and result as a handler sees them."""

import logging

import pytest

from tasker_core.types import Step, StepHandlerCallResult, Task


def test_the_last_attempt_is_known() -> None:
    assert not Step(step_name="s", attempt=2, max_attempts=3).is_last_attempt
    assert Step(step_name="s", attempt=3, max_attempts=3).is_last_attempt


def test_a_task_cannot_be_changed() -> None:
    task = Task(context={"a": 1})
    with pytest.raises(AttributeError):
        task.context = {}  # type: ignore[misc]


def test_success_and_failure_carry_every_field() -> None:
    success = StepHandlerCallResult.success(results={"a": 1}, metadata={"m": 2})
    assert (success.is_success, success.results, success.metadata) == (True, {"a": 1}, {"m": 2})
    failure = StepHandlerCallResult.failure(
        error="broken",
        error_type="Broken",
        error_code="E1",
        retryable=True,
        retry_after=1.5,
        metadata={"m": 2},
    )
    assert failure == StepHandlerCallResult(
        is_success=False,
        error="broken",
        error_type="Broken",
        error_code="E1",
        retryable=True,
        retry_after=1.5,
        metadata={"m": 2},
    )


def test_a_success_may_create_steps_or_batches() -> None:
    decision = StepHandlerCallResult.success(create_steps=["a", "b"])
    assert (decision.create_steps, decision.batches) == (("a", "b"), None)
    batchable = StepHandlerCallResult.success(batches=[{"start": 0, "end": 1}])
    assert (batchable.create_steps, batchable.batches) == (None, ({"start": 0, "end": 1},))


def test_a_failure_with_a_message_alone_is_permanent() -> None:
    failure = StepHandlerCallResult.failure(error="broken")
    assert (failure.error_type, failure.retryable) == ("handler_error", False)


def test_the_logger_binds_the_ids(caplog: pytest.LogCaptureFixture) -> None:
    step = Step(step_name="s", step_uuid="su", task_uuid="tu", attempt=2, correlation_id="order-17")
    with caplog.at_level(logging.INFO):
        step.logger.info("took %d ms", 5, extra={"amount": 3})
    (record,) = caplog.records
    assert record.getMessage() == "took 5 ms"
    bound = {name: getattr(record, name) for name in ("task_uuid", "step_uuid", "step_name")}
    assert bound == {"task_uuid": "tu", "step_uuid": "su", "step_name": "s"}
    assert (record.__dict__["attempt"], record.__dict__["amount"]) == (2, 3)
    assert record.__dict__["correlation_id"] == "order-17"
