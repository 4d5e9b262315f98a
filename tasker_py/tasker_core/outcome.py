"""From what a handler returned or raised to the outcome message that the engine is sent."""

import inspect
import json
import math
import traceback
from collections.abc import Mapping
from decimal import Decimal
from numbers import Real
from typing import Any

from tasker_core.dispatch import AttemptRef
from tasker_core.errors import HandlerError, RetryableError, SerializationError
from tasker_core.serialization import shown, to_json, to_utf8, type_name, utf8_text
from tasker_core.types import StepHandlerCallResult

# In seconds; longer waits than a template's are a mistake, such as a moment in milliseconds.
LONGEST_WAIT = 365 * 86_400

YEAR = 365.25 * 86_400

# Before it stand two uuids and a number: the first in a message is its own.
_SUCCESS = b'"success": '


def of_return(ref: AttemptRef, returned: object) -> bytes:
    """The outcome of an attempt whose handler returned this."""
    if isinstance(returned, StepHandlerCallResult):
        result = returned
    elif isinstance(returned, Mapping) or callable(getattr(type(returned), "model_dump", None)):
        result = StepHandlerCallResult.success(results=returned)
    else:
        remedy = "it must return a StepHandlerCallResult, a mapping or a pydantic model"
        if inspect.isawaitable(returned):
            remedy = (
                "nobody awaits it: only a method that is `async def` itself is awaited, and a "
                "decorator may hide that it is one"
            )
        return failure(
            ref,
            f"the handler returned {shown(returned)} of type {type_name(returned)}; {remedy}",
            error_type="invalid_result",
            retryable=False,
        )
    if result.is_success:
        return _success(ref, result)
    return failure(
        ref,
        result.error or "the handler gave no message",
        error_type=result.error_type or "handler_error",
        error_code=result.error_code,
        retryable=result.retryable,
        retry_after=result.retry_after,
        metadata=result.metadata,
    )


def of_exception(ref: AttemptRef, error: BaseException) -> bytes:
    """The outcome of an attempt whose handler raised this.

    The first frame of its traceback, the caller's own, is left out.
    """
    try:
        return _of_exception(ref, error)
    except BaseException as another:  # what a user's class is asked for may raise anything.
        return failure(
            ref,
            f"{type_name(error)} was raised, and raised {shown(another)} when it was to be told",
            error_type=type(error).__name__,
            retryable=True,
        )


def _of_exception(ref: AttemptRef, error: BaseException) -> bytes:
    frames = error.__traceback__.tb_next if error.__traceback__ else None
    try:
        backtrace = "".join(traceback.format_exception(type(error), error, frames))
        message = str(error) or type(error).__qualname__
    except BaseException:  # a user's __str__ may raise anything.
        backtrace = "".join(traceback.format_tb(frames))
        message = shown(error)
    purpose = _purpose(error)
    return failure(
        ref,
        message,
        error_type=type(error).__name__,
        error_code=purpose.error_code if purpose else None,
        retryable=purpose.retryable if purpose else True,
        retry_after=purpose.retry_after if isinstance(purpose, RetryableError) else None,
        metadata=purpose.metadata if purpose else None,
        backtrace=backtrace,
    )


def _purpose(error: BaseException) -> HandlerError | None:
    """What a handler raised on purpose; in a group of exceptions what is permanent goes first."""
    if isinstance(error, HandlerError):
        return error
    if not isinstance(error, BaseExceptionGroup):
        return None
    found = [purpose for one in error.exceptions if (purpose := _purpose(one)) is not None]
    return min(found, key=lambda purpose: purpose.retryable, default=None)


def failure(
    ref: AttemptRef,
    message: str,
    *,
    error_type: str,
    retryable: bool,
    error_code: str | None = None,
    retry_after: float | None = None,
    metadata: Mapping[str, Any] | None = None,
    backtrace: str | None = None,
) -> bytes:
    """The outcome of an attempt that failed."""
    try:
        metadata_json = None if metadata is None else _payload(metadata, "metadata")
    except SerializationError as error:
        # The failure itself matters more than what was to go with it.
        message, metadata_json = f"{message} (without its metadata: {error})", None
    error_fields: dict[str, Any] = {
        "message": utf8_text(message),
        "error_type": utf8_text(error_type),
        "error_code": None if error_code is None else utf8_text(error_code),
        "retryable": bool(retryable),
        "backtrace": None if backtrace is None else utf8_text(backtrace),
    }
    if retry_after is not None:
        try:
            error_fields["retry_after_ms"] = _milliseconds(retry_after)
        except ValueError as error:
            error_fields["message"] += utf8_text(
                f" (without its retry_after: {shown(retry_after)} {error})"
            )
    members = f'"success": false, "error": {json.dumps(error_fields)}'
    return _message(ref, members, metadata_json)


def failure_in(ended: bytes) -> dict[str, Any] | None:
    """The `error` of an outcome that `failure` made; None of a success, which is not read."""
    if ended.startswith(b"true", ended.index(_SUCCESS) + len(_SUCCESS)):
        return None
    error: dict[str, Any] = json.loads(ended)["error"]
    return error


def _success(ref: AttemptRef, result: StepHandlerCallResult) -> bytes:
    try:
        results = _payload(result.results, "results")
        if results == "null" and not result.none_is_null:
            # No results at all are not a value of their own.
            results = "{}"
        members = f'"success": true, "results": {results}'
        if result.create_steps is not None:
            members += f', "create_steps": {to_json(result.create_steps, "create_steps")}'
        if result.batches is not None:
            members += f', "batches": {to_json(result.batches, "batches")}'
        metadata = None if result.metadata is None else _payload(result.metadata, "metadata")
    except SerializationError as error:
        return failure(ref, str(error), error_type="unserialisable_result", retryable=False)
    return _message(ref, members, metadata)


def _payload(value: Any, name: str) -> str:
    if name == "metadata" and not isinstance(value, Mapping):
        raise SerializationError(
            f"metadata is {shown(value)} of type {type_name(value)}, not a mapping"
        )
    return to_json(value, name)


def _message(ref: AttemptRef, members: str, metadata: str | None) -> bytes:
    ids = (
        f'"task_uuid": "{ref.task_uuid}", "step_uuid": "{ref.step_uuid}", "attempt": {ref.attempt}'
    )
    tail = "" if metadata is None else f', "metadata": {metadata}'
    return to_utf8(f"{{{ids}, {members}{tail}}}")


def _milliseconds(wait: object) -> int:
    """Of a time in seconds, rounded up. ValueError, which says why, for what is no such time."""
    try:
        seconds = float(wait) if isinstance(wait, Real | Decimal) else math.nan
    except (ArithmeticError, ValueError):  # too many digits; a NaN that signals.
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise ValueError("is not seconds, 0 or more")
    if seconds > LONGEST_WAIT:
        years = seconds / YEAR
        shown_years = f"{years:,.0f}" if years >= 10 else f"{years:.1f}"
        raise ValueError(f"s are {shown_years} years; seconds are meant, a year's at the most")
    return math.ceil(seconds * 1000)
