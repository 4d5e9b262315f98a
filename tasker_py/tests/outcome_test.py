"""What a handler returns or raises reaches the engine with every field."""

import json
from decimal import Decimal
from fractions import Fraction
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
    [
        (0, 0),
        (0.0001, 1),
        (86_400, 86_400_000),
        (Decimal("0.5"), 500),
        (Fraction(1, 8), 125),
        (365 * 86_400, 365 * 86_400_000),
    ],
)
def test_retry_after_in_milliseconds(seconds: Any, milliseconds: int) -> None:
    error = error_of(raised(RetryableError("m", retry_after=seconds)))
    assert (error["message"], error["retry_after_ms"]) == ("m", milliseconds)


SECONDS_ARE_MEANT = "seconds are meant, a year's at the most"


@pytest.mark.parametrize(
    ("seconds", "why"),
    [
        (-1, "-1 is not seconds, 0 or more"),
        (float("nan"), "nan is not seconds, 0 or more"),
        (float("inf"), "inf is not seconds, 0 or more"),
        ("soon", "'soon' is not seconds, 0 or more"),
        (Decimal("sNaN"), "Decimal('sNaN') is not seconds, 0 or more"),
        # What APIs send beside seconds: a moment in milliseconds; a placeholder for "never".
        (1_767_225_600_000, f"1767225600000 s are 56,000 years; {SECONDS_ARE_MEANT}"),
        (1e15, f"1000000000000000.0 s are 31,688,088 years; {SECONDS_ARE_MEANT}"),
        (40_000_000, f"40000000 s are 1.3 years; {SECONDS_ARE_MEANT}"),
    ],
)
def test_a_wait_that_makes_no_sense_is_left_out_and_hides_nothing(seconds: Any, why: str) -> None:
    for message in (
        raised(RetryableError("busy", retry_after=seconds, error_code="BUSY")),
        outcome.of_return(
            REF,
            StepHandlerCallResult.failure(
                "busy", retryable=True, retry_after=seconds, error_code="BUSY"
            ),
        ),
    ):
        error = error_of(message)
        assert error["message"] == f"busy (without its retry_after: {why})"
        assert (error["retryable"], error["error_code"]) == (True, "BUSY")
        assert "retry_after_ms" not in error


def test_other_types_than_declared_hide_no_failure() -> None:
    error = PermanentError("declined", error_code=402, metadata=["a"])  # type: ignore[arg-type]
    fields = error_of(raised(error))
    assert fields["message"] == (
        "declined (without its metadata: metadata is ['a'] of type list, not a mapping)"
    )
    assert (fields["error_code"], fields["retryable"]) == ("402", False)
    returned = StepHandlerCallResult.failure(error=ValueError("bad"))  # type: ignore[arg-type]
    assert error_of(outcome.of_return(REF, returned))["message"] == "bad"


def test_a_group_is_as_permanent_as_what_is_in_it() -> None:
    busy = RetryableError("busy", retry_after=2)
    declined = PermanentError("declined", error_code="DECLINED", metadata={"k": 1})
    message = raised(ExceptionGroup("two", [busy, ExceptionGroup("one", [declined])]))
    error = error_of(message)
    assert (error["error_type"], error["message"]) == ("ExceptionGroup", "two (2 sub-exceptions)")
    assert (error["error_code"], error["retryable"]) == ("DECLINED", False)
    assert read(message)["metadata"] == {"k": 1}
    assert "PermanentError: declined" in error["backtrace"]
    error = error_of(raised(ExceptionGroup("two", [ValueError("v"), busy])))
    assert (error["retryable"], error["retry_after_ms"]) == (True, 2000)
    error = error_of(raised(BaseExceptionGroup("one", [KeyboardInterrupt()])))
    assert (error["error_type"], error["retryable"]) == ("BaseExceptionGroup", True)


def test_the_traceback_has_causes_and_notes() -> None:
    def chained() -> None:
        try:
            raise KeyError("card")
        except KeyError as missing:
            missing.add_note("while charging")
            raise PermanentError("no card") from missing

    try:
        chained()
    except PermanentError as error:
        backtrace = error_of(outcome.of_exception(REF, error))["backtrace"]
    assert "KeyError: 'card'\nwhile charging" in backtrace
    assert "The above exception was the direct cause of the following exception" in backtrace
    assert backtrace.endswith("PermanentError: no card\n")


def test_a_recursion_without_end_is_a_failure() -> None:
    def recurse() -> None:
        recurse()

    try:
        recurse()
    except RecursionError as error:
        fields = error_of(outcome.of_exception(REF, error))
    assert (fields["error_type"], fields["retryable"]) == ("RecursionError", True)
    assert "[Previous line repeated" in fields["backtrace"]


def test_an_error_whose_constructor_sets_nothing_is_what_its_class_is() -> None:
    class CardError(PermanentError):
        def __init__(self, card: str) -> None:
            self.card = card

    class LaterError(RetryableError):
        def __init__(self) -> None:
            pass

    error = error_of(raised(CardError("visa")))
    assert (error["error_type"], error["message"]) == ("CardError", "visa")
    assert (error["error_code"], error["retryable"]) == (None, False)
    assert error_of(raised(LaterError()))["retryable"]


def test_an_error_that_cannot_be_told_is_a_failure() -> None:
    class SecretError(PermanentError):
        def __getattribute__(self, name: str) -> Any:
            if name == "error_code":
                raise SystemExit(name)
            return super().__getattribute__(name)

    error = error_of(raised(SecretError("x")))
    assert error["message"].endswith(
        "SecretError was raised, and raised SystemExit('error_code') when it was to be told"
    )
    assert (error["error_type"], error["retryable"]) == ("SecretError", True)


def test_an_exception_that_ends_the_process_when_it_is_shown_is_a_failure() -> None:
    class FatalError(Exception):
        def __str__(self) -> str:
            raise SystemExit(3)

        __repr__ = __str__

    assert error_of(raised(FatalError()))["message"].endswith("FatalError whose repr fails>")


def test_texts_are_well_formed() -> None:
    message = outcome.failure(REF, "\ud83d", error_type="\ud800", retryable=True)
    error = error_of(message)
    assert (error["message"], error["error_type"]) == ("\\ud83d", "\\ud800")


def test_a_success_whose_results_speak_of_failure_is_none() -> None:
    returned = {"success": False, "error": "declined"}
    assert outcome.failure_in(outcome.of_return(REF, returned)) is None
    declined = StepHandlerCallResult.failure("declined", metadata={"success": True})
    failed = outcome.failure_in(outcome.of_return(REF, declined))
    assert failed is not None
    assert (failed["message"], failed["error_type"]) == ("declined", "handler_error")
