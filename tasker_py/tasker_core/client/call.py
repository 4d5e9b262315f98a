"""One call of the API: what is sent, and how its answer is read."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from pydantic import ValidationError

from tasker_core.client.bodies import Body
from tasker_core.client.errors import UnexpectedAnswerError, refusal
from tasker_core.client.models import ErrorBody
from tasker_core.client.shown import Shown
from tasker_core.serialization import LargeNumber, integers_of_any_size

T = TypeVar("T")
M = TypeVar("M", bound=Shown)


@dataclass(frozen=True, kw_only=True)
class Call(Generic[T]):
    """A request, and what its answer is."""

    method: str
    path: str
    read: Callable[[Any], T]
    """From the answer's JSON."""
    query: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    repeatable: bool
    """Whether making it twice is the same as making it once."""
    retried: bool = True
    """Whether a failure is worth another attempt."""
    seconds: float = 0.0
    """What the engine may take on purpose."""
    traced: bool = False
    """Whether the engine takes note of the span of who asks."""
    answers: frozenset[int] = frozenset({200, 201})
    """The statuses of an answer; any other is an error."""

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, whole."""

    url: str
    status: int
    content: bytes
    retry_after: str | None = None
    proxy: str | None = None
    """What the way led over, for people."""


def path(*segments: object) -> str:
    """The path of the API with these segments, whatever characters they have."""
    return "/" + "/".join(quote(str(segment), safe="") for segment in segments)


def query(**values: Any) -> dict[str, str]:
    """The parameters that are given."""
    return {name: _text(value) for name, value in values.items() if value is not None}


def read_model(model: type[M]) -> Callable[[Any], M]:
    """Reads JSON as a model."""
    return model.model_validate


def decode(content: bytes | str) -> Any:
    """The value of a JSON text.

    Integers are exact, whatever their length; a number that is too large for a float is a
    LargeNumber, a Decimal.
    """
    with integers_of_any_size():
        return json.loads(content, parse_float=_float, parse_constant=_refuse)


def read(call: Call[T], answer: Answer) -> T:
    """What the answer says. The subclass of ApiError for one that is an error or none at all."""
    shown = f"{call.method} {answer.url}"
    try:
        value = decode(answer.content)
        if answer.status in call.answers:
            return call.read(value)
        detail = ErrorBody.model_validate(value).error
    except (ValueError, RecursionError) as error:
        body = answer.content.decode(errors="replace")
        over = f"the way to it leads over {answer.proxy}" if answer.proxy else ""
        raise UnexpectedAnswerError(shown, answer.status, _reason(error), body, over) from None
    raise refusal(shown, answer.status, detail, _seconds(answer.retry_after))


def _float(text: str) -> float | LargeNumber:
    value = float(text)
    return value if math.isfinite(value) else LargeNumber(text)


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    isoformat = getattr(value, "isoformat", None)
    return isoformat() if callable(isoformat) else str(value)


def _reason(error: ValueError | RecursionError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return f"no JSON: {error}"


def _seconds(retry_after: str | None) -> float | None:
    # The API gives seconds; a proxy's date is as good as nothing.
    try:
        return max(0.0, float(retry_after)) if retry_after is not None else None
    except ValueError:
        return None
