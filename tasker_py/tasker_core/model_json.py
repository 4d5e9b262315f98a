"""What pydantic makes of a value for JSON, less what it changes there in silence."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

# What pydantic writes for NaN and the infinities, where the declared type is none of numbers.
_STAND_INS = frozenset({None, "NaN", "sNaN", "Infinity", "-Infinity"})


def json_value(dump: Callable[..., Any]) -> Any:
    """The JSON value that a model's `model_dump` or an adapter's `dump_python` gives.

    Its names are those that the model has for JSON. NaN and infinities, in whose place pydantic
    puts null where the declared type is `Any`, `object` or missing, stand in it as they are: it is
    for whoever writes the value to refuse them.
    """
    dumped = dump(mode="json", by_alias=True)
    if not _has_stand_in(dumped):
        return dumped
    try:
        original = dump(mode="python", by_alias=True)
    except Exception:
        # Of a set of models pydantic makes one of dictionaries, which cannot be: what it has made
        # for JSON is all that there is.
        return dumped
    return _restored(dumped, original)


def _has_stand_in(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_stand_in, value.values()))
    if isinstance(value, list):
        return any(map(_has_stand_in, value))
    return (value is None or isinstance(value, str)) and value in _STAND_INS


def _restored(dumped: Any, original: Any) -> Any:
    """`dumped` with the numbers of `original` that are none in JSON, where the two are alike."""
    if isinstance(dumped, dict) and isinstance(original, Mapping) and len(dumped) == len(original):
        # By their order: of keys that are no strings JSON has made some.
        return dict(zip(dumped, _all_restored(dumped.values(), original.values()), strict=True))
    if isinstance(dumped, list) and _is_list_of(original, len(dumped)):
        return _all_restored(dumped, original)
    return dumped if _is_finite(original) else original


def _is_finite(value: Any) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite()
    return not isinstance(value, float) or math.isfinite(value)


def _all_restored(dumped: Iterable[Any], original: Iterable[Any]) -> list[Any]:
    return [_restored(one, other) for one, other in zip(dumped, original, strict=True)]


def _is_list_of(original: Any, length: int) -> bool:
    return isinstance(original, (list, tuple, set, frozenset, deque)) and len(original) == length
