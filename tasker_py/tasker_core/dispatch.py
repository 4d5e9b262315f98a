"""From the native library's messages to what a handler is given."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from tasker_core.batching import NO_BATCH_CONFIG, NO_CURSOR, BatchConfig, Cursor
from tasker_core.sequence import Fetch
from tasker_core.serialization import from_json
from tasker_core.types import Sequence, Step, Task

NESTED_TOO_DEEPLY = "nested_too_deeply"
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{},]')


class AttemptRef(NamedTuple):
    """One attempt of one step."""

    task_uuid: str
    step_uuid: str
    attempt: int

    @classmethod
    def of(cls, message: dict[str, Any]) -> "AttemptRef":
        """The attempt that a message is about."""
        return cls(message["task_uuid"], message["step_uuid"], message["attempt"])


def read_messages(text: str) -> list[dict[str, Any]]:
    """The messages of a JSON array, each an object with its kind as the only key.

    A dispatch with a payload that is nested deeper than Python can read comes without it, and with
    the payload's name under `nested_too_deeply`; it costs no other message anything.
    """
    try:
        messages: list[dict[str, Any]] = from_json(text)
    except RecursionError:
        messages = [_read_one(message) for message in _members(text)]
    return messages


def _read_one(text: str) -> dict[str, Any]:
    try:
        message: dict[str, Any] = from_json(text)
    except RecursionError:
        kind, body = _key_and_value(next(_members(text)))
        fields: dict[str, Any] = {}
        for member in _members(body):
            name, value = _key_and_value(member)
            try:
                fields[name] = from_json(value)
            except RecursionError:
                fields[name] = {}
                fields[NESTED_TOO_DEEPLY] = name
        message = {kind: fields}
    return message


def _members(text: str) -> Iterator[str]:
    """The texts of the members of the array or object that `text` is, without recursion."""
    depth = start = 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "[{":
            depth += 1
            if depth == 1:
                start = token.end()
        elif mark in "]}":
            depth -= 1
            if depth == 0 and text[start : token.start()].strip():
                yield text[start : token.start()]
        elif mark == "," and depth == 1:
            yield text[start : token.start()]
            start = token.end()


def _key_and_value(member: str) -> tuple[str, str]:
    # The protocol's own keys contain no colon.
    key, _, value = member.partition(":")
    return from_json(key), value


def arguments(dispatch: dict[str, Any], fetch: Fetch | None = None) -> tuple[Task, Sequence, Step]:
    """What the handler of this dispatch is called with.

    `fetch` gives results that the dispatch leaves out.
    """
    task_uuid: str = dispatch["task_uuid"]
    correlation_id: str | None = dispatch.get("correlation_id")
    timeout_ms: int | None = dispatch.get("timeout_ms")
    task = _made(
        Task,
        context=dispatch["context"],
        task_uuid=task_uuid,
        namespace=dispatch["namespace"],
        name=dispatch["name"],
        version=dispatch["version"],
        tags=tuple(dispatch.get("tags", ())),
        correlation_id=correlation_id,
    )
    step = _made(
        Step,
        step_name=dispatch["step_name"],
        step_uuid=dispatch["step_uuid"],
        task_uuid=task_uuid,
        attempt=dispatch["attempt"],
        max_attempts=dispatch["max_attempts"],
        idempotency_key=dispatch["idempotency_key"],
        configuration=dispatch.get("configuration") or {},
        deadline=None
        if timeout_ms is None
        else datetime.now(UTC) + timedelta(milliseconds=timeout_ms),
        correlation_id=correlation_id,
        batch_config=_batch_config(dispatch.get("batch_config")),
        cursor=_cursor(dispatch.get("cursor"), dispatch["step_name"]),
    )
    return task, _sequence(dispatch, fetch), step


_T = TypeVar("_T", Task, Step)


def _made(cls: type[_T], **fields: Any) -> _T:
    """What `cls(**fields)` makes when all fields are given, in half the time.

    The constructor of a frozen dataclass calls a function for each field.
    """
    made = cls.__new__(cls)
    made.__dict__.update(fields)
    return made


def _sequence(dispatch: dict[str, Any], fetch: Fetch | None) -> Sequence:
    results: dict[str, Any] = dispatch.get("results") or {}
    counts: dict[str, int] = dispatch.get("batches") or {}
    omitted = {name: counts.get(name) for name in dispatch.get("omitted") or ()}
    if not counts:
        return Sequence(results, omitted=omitted, fetch=fetch)
    batches = {name: results[name] for name in counts if name in results}
    single = {name: results[name] for name in results if name not in batches}
    return Sequence(single, batches, omitted=omitted, fetch=fetch)


def _batch_config(config: dict[str, int] | None) -> BatchConfig:
    if config is None:
        return NO_BATCH_CONFIG
    return BatchConfig(batch_size=config.get("batch_size"), max_workers=config.get("max_workers"))


def _cursor(cursor: dict[str, Any] | None, step_name: str) -> Cursor:
    if cursor is None:
        return NO_CURSOR
    batch_id = step_name.rpartition("_")[2]
    return Cursor(cursor["start"], cursor["end"], cursor.get("data"), batch_id)
