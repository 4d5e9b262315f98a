"""JSON as Tasker carries it: numbers digit for digit, and no value changed in silence."""

import json
import math
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any

from tasker_core.errors import SerializationError
from tasker_core.model_json import json_value


def allow_integers_of_any_size() -> None:
    """Lifts Python's limit of 4,300 digits on the text of an integer, for the whole process."""
    sys.set_int_max_str_digits(0)


class _Lifted:
    """The limit is the process's: the first that needs it lifted lifts it, the last restores it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._before = 0

    def enter(self) -> None:
        with self._lock:
            if not self._holders:
                self._before = sys.get_int_max_str_digits()
                sys.set_int_max_str_digits(0)
            self._holders += 1

    def leave(self) -> None:
        with self._lock:
            self._holders -= 1
            if not self._holders:
                sys.set_int_max_str_digits(self._before)


_LIFTED = _Lifted()


@contextmanager
def integers_of_any_size() -> Iterator[None]:
    """Lifts the same limit, for as long as this lasts; in several threads at once, too."""
    _LIFTED.enter()
    try:
        yield
    finally:
        _LIFTED.leave()


class LargeNumber(Decimal):
    """A JSON number that is too large for a float. Written as the number that it is."""


def from_json(text: str | bytes) -> Any:
    """The value of a JSON text; integers are exact."""
    return json.loads(text)


def to_json(value: Any, name: str) -> str:
    """The JSON text of a value that is called `name` in messages.

    Integers are written exactly, floats by their repr, Decimal as a string, datetime in RFC 3339,
    pydantic models by their JSON. Raises SerializationError that names value and path for anything
    else, for NaN and infinities, for keys that are not strings and for a datetime without a time
    zone.
    """
    parts: list[str] = []
    try:
        _write(value, parts)
    except _UnwritableError as error:
        path = name + "".join(reversed(error.path))
        raise SerializationError(f"{path} is {error.what}") from None
    except RecursionError:
        raise SerializationError(f"{name} is nested too deeply, or contains itself") from None
    return "".join(parts)


def to_utf8(json_text: str) -> bytes:
    """The bytes of a JSON text.

    Half a surrogate pair, which UTF-8 cannot hold, becomes its JSON escape.
    """
    return json_text.encode("utf-8", "backslashreplace")


class _UnwritableError(Exception):
    """Carries what cannot be written, and its path, innermost part first."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what
        self.path: list[str] = []


def _write(value: Any, parts: list[str]) -> None:
    if value is None:
        parts.append("null")
    elif value is True:
        parts.append("true")
    elif value is False:
        parts.append("false")
    elif isinstance(value, str):
        parts.append(encode_basestring(value))
    elif isinstance(value, int):
        parts.append(int.__repr__(value))
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _UnwritableError(f"{float.__repr__(value)}, which JSON cannot hold")
        parts.append(float.__repr__(value))
    elif isinstance(value, Mapping):
        _write_object(value, parts)
    elif isinstance(value, list | tuple):
        _write_array(value, parts)
    else:
        _write_converted(value, parts)


def _write_object(value: Mapping[Any, Any], parts: list[str]) -> None:
    separator = "{"
    for key, member in value.items():
        if not isinstance(key, str):
            raise _UnwritableError(
                f"a mapping with the key {shown(key)} of type {type_name(key)}; "
                "keys must be strings"
            )
        parts.append(separator)
        parts.append(encode_basestring(key))
        parts.append(": ")
        try:
            _write(member, parts)
        except _UnwritableError as error:
            error.path.append(f".{key}" if key.isidentifier() else f"[{key!r}]")
            raise
        separator = ", "
    parts.append("{}" if separator == "{" else "}")


def _write_array(value: list[Any] | tuple[Any, ...], parts: list[str]) -> None:
    separator = "["
    for index, member in enumerate(value):
        parts.append(separator)
        try:
            _write(member, parts)
        except _UnwritableError as error:
            error.path.append(f"[{index}]")
            raise
        separator = ", "
    parts.append("[]" if separator == "[" else "]")


def _write_converted(value: Any, parts: list[str]) -> None:
    if isinstance(value, LargeNumber):
        parts.append(str(value))
    elif isinstance(value, Decimal):
        if not value.is_finite():
            raise _UnwritableError(f"Decimal {value}, which is not a number")
        parts.append(encode_basestring(str(value)))
    elif isinstance(value, datetime):
        if value.utcoffset() is None:
            raise _UnwritableError(f"{shown(value)}, a datetime without a time zone")
        text = value.isoformat()
        if text.endswith("+00:00"):
            text = text.removesuffix("+00:00") + "Z"
        parts.append(encode_basestring(text))
    elif callable(getattr(type(value), "model_dump", None)):
        # A pydantic model, recognised without importing pydantic: most handlers do not need it.
        try:
            dumped = json_value(value.model_dump)
        except Exception as error:
            raise _UnwritableError(
                f"a {type_name(value)} that pydantic cannot dump: {error}"
            ) from None
        _write(dumped, parts)
    else:
        raise _UnwritableError(f"{shown(value)} of type {type_name(value)}, which JSON cannot hold")


def utf8_text(value: object) -> str:
    """Text that every JSON reader takes: half a surrogate pair is shown as its escape."""
    text = value if isinstance(value, str) else str(value)
    return text.encode("utf-8", "backslashreplace").decode()


def type_name(value: object) -> str:
    """The name of the value's class, with its module unless that is `builtins`."""
    kind = type(value)
    return (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )


def shown(value: object) -> str:
    """A short repr that never raises."""
    try:
        text = repr(value)
    except BaseException:  # a user's __repr__ may raise anything.
        return f"<a {type_name(value)} whose repr fails>"
    return text if len(text) <= 200 else text[:200] + "..."
