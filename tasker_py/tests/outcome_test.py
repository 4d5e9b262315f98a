"""What a handler returns or raises reaches the engine with every field."""

import json
from typing import Any

import pytest
from pydantic import BaseModel

from tasker_core import outcome
from tasker_core.dispatch import AttemptRef
from tasker_core.errors import PermanentError, RetryableError
from tasker_core.types import StepHandlerCallResult

REF = AttemptRef("t", "s", 2)
IDS = {"task_uuid": "t", "step_uuid": "s", "attempt": 2}


class Order(BaseModel):
    total: int


def read(message: bytes) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(message)
    return fields


def error_of(message: bytes) -> dict[str, Any]:
    error: dict[str, Any] = read(message)["error"]
    return error


@pytest.mark.parametrize(
    ("returned", "expected"),
    [
        (
            StepHandlerCallResult.success({"result": 36}, {"operation": "square"}),
            {"results": {"result": 36}, "metadata": {"operation": "square"}},
        ),
        (StepHandlerCallResult.success(), {"results": {}}),
        (StepHandlerCallResult.success([1, 2]), {"results": [1, 2]}),
        (
            StepHandlerCallResult.success({"path": "dual"}, create_steps=["a", "b"]),
            {"results": {"path": "dual"}, "create_steps": ["a", "b"]},
        ),
        (StepHandlerCallResult.success(create_steps=()), {"results": {}, "create_steps": []}),
        (
            StepHandlerCallResult.success({}, {"m": 1}, batches=[{"start": 0, "end": 5}]),
            {"results": {}, "metadata": {"m": 1}, "batches": [{"start": 0, "end": 5}]},
        ),
        ({"a": 1}, {"results": {"a": 1}}),
        (Order(total=3), {"results": {"total": 3}}),
    ],
)
def test_success(returned: object, expected: dict[str, Any]) -> None:
    assert read(outcome.of_return(REF, returned)) == {**IDS, "success": True, **expected}


def test_big_integers_are_written_digit_for_digit() -> None:
    message = outcome.of_return(REF, {"result": 6**64})
    assert b'{"result": 63340286662973277706162286946811886609896461828096}' in message


def test_failure_with_every_field() -> None:
    returned = StepHandlerCallResult.failure(
        error="declined",
        error_type="PaymentError",
        error_code="DECLINED",
        retryable=True,
        retry_after=1.5,
        metadata={"card": "visa"},
    )
    assert read(outcome.of_return(REF, returned)) == {
        **IDS,
        "success": False,
        "error": {
            "message": "declined",
            "error_type": "PaymentError",
            "error_code": "DECLINED",
            "retryable": True,
            "retry_after_ms": 1500,
            "backtrace": None,
        },
        "metadata": {"card": "visa"},
    }


def raised(error: BaseException) -> bytes:
    def handler() -> None:
        raise error

    try:
        handler()
    except BaseException as caught:
        return outcome.of_exception(REF, caught)
    raise AssertionError("nothing was raised")


def test_a_permanent_error() -> None:
    message = raised(PermanentError("no card", error_code="NO_CARD", metadata={"k": 1}))
    error = error_of(message)
    assert error.pop("backtrace").startswith("Traceback (most recent call last):\n")
    assert error == {
        "message": "no card",
        "error_type": "PermanentError",
        "error_code": "NO_CARD",
        "retryable": False,
    }
    assert read(message)["metadata"] == {"k": 1}


def test_a_retryable_error_of_a_class_of_its_own() -> None:
    class BusyError(RetryableError):
        pass

    error = error_of(raised(BusyError("later", retry_after=0.0501, error_code="BUSY")))
    del error["backtrace"]
    assert error == {
        "message": "later",
        "error_type": "BusyError",
        "error_code": "BUSY",
        "retryable": True,
        "retry_after_ms": 51,
    }


@pytest.mark.parametrize(
    ("error", "error_type", "message"),
    [
        (ZeroDivisionError("division by zero"), "ZeroDivisionError", "division by zero"),
        (ValueError(), "ValueError", "ValueError"),
        (SystemExit(3), "SystemExit", "3"),
        (KeyboardInterrupt(), "KeyboardInterrupt", "KeyboardInterrupt"),
    ],
)
def test_any_other_exception_is_retryable(
    error: BaseException, error_type: str, message: str
) -> None:
    fields = error_of(raised(error))
    backtrace = fields.pop("backtrace")
    assert fields == {
        "message": message,
        "error_type": error_type,
        "error_code": None,
        "retryable": True,
    }
    assert "in handler\n    raise error\n" in backtrace
    assert "in raised\n" not in backtrace


def test_an_exception_that_cannot_be_shown_is_still_a_failure() -> None:
    class MuteError(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no")

        __repr__ = __str__

    assert error_of(raised(MuteError()))["message"].endswith("MuteError whose repr fails>")


@pytest.mark.parametrize(
    ("returned", "shown"),
    [(None, "None of type NoneType"), (42, "42 of type int"), (["a"], "['a'] of type list")],
)
def test_something_else_than_a_result_is_a_permanent_failure(returned: object, shown: str) -> None:
    error = error_of(outcome.of_return(REF, returned))
    assert error["message"] == (
        f"the handler returned {shown}; it must return a StepHandlerCallResult, a mapping or a "
        "pydantic model"
    )
    assert (error["error_type"], error["retryable"]) == ("invalid_result", False)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ({"a": {1}}, "results.a is {1} of type set, which JSON cannot hold"),
        (
            StepHandlerCallResult.success({}, {"m": float("nan")}),
            "metadata.m is nan, which JSON cannot hold",
        ),
        (
            StepHandlerCallResult.success(batches=[{"start": 0, "end": 1, "data": {1}}]),
            "batches[0].data is {1} of type set, which JSON cannot hold",
        ),
        (
            StepHandlerCallResult.success({}, [1]),  # type: ignore[arg-type]
            "metadata is [1] of type list, not a mapping",
        ),
    ],
)
def test_an_unserialisable_value_is_a_permanent_failure_that_names_it(
    returned: object, message: str
) -> None:
    error = error_of(outcome.of_return(REF, returned))
    assert (error["message"], error["error_type"], error["retryable"]) == (
        message,
        "unserialisable_result",
        False,
    )


def test_a_failure_survives_metadata_that_json_cannot_hold() -> None:
    fields = read(
        outcome.failure(REF, "broken", error_type="E", retryable=True, metadata={"m": {1}})
    )
    assert fields["error"]["message"] == (
        "broken (without its metadata: metadata.m is {1} of type set, which JSON cannot hold)"
    )
    assert "metadata" not in fields


@pytest.mark.parametrize(
    ("seconds", "milliseconds"),
    [(0, 0), (-1, 0), (0.0001, 1), (86_400, 86_400_000), (float("inf"), None), ("soon", None)],
)
def test_retry_after_in_milliseconds(seconds: Any, milliseconds: int | None) -> None:
    error = error_of(outcome.failure(REF, "m", error_type="E", retryable=True, retry_after=seconds))
    assert error.get("retry_after_ms") == milliseconds


def test_texts_are_well_formed() -> None:
    message = outcome.failure(REF, "\ud83d", error_type="\ud800", retryable=True)
    error = error_of(message)
    assert (error["message"], error["error_type"]) == ("\\ud83d", "\\ud800")
