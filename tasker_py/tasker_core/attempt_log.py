"""What an attempt logs: the ids of its records, and the lines that travel in its outcome."""

import json
import logging
import os
import threading
from collections import deque
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Protocol

from tasker_core.serialization import utf8_text

ID_FIELDS = ("task_uuid", "step_uuid", "step_name", "attempt", "correlation_id")

MAX_LINES = 200
MAX_BYTES = 64 << 10
# In characters; the worker's own log has the whole line.
MAX_LINE = 8 << 10


class BegunLine(Protocol):
    """What was written to a stream since its last line break."""

    def finish(self, log: "AttemptLog | None") -> None:
        """Logs it, as the attempt's if there is one."""


class AttemptLog:
    """The last lines of an attempt, from however many threads.

    At most MAX_LINES lines, MAX_BYTES of JSON, MAX_LINE characters a line.
    """

    def __init__(self, dispatch: Mapping[str, Any]) -> None:
        self._dispatch = dispatch
        # By stream.
        self.unfinished: dict[object, BegunLine] = {}
        # Guards `unfinished` and `_lines`.
        self.lock = threading.Lock()
        self._lines: deque[tuple[float, str, str, str]] | None = None

    @cached_property
    def ids(self) -> Mapping[str, object]:
        """What every record of the attempt carries."""
        dispatch = self._dispatch
        return {name: dispatch[name] for name in ID_FIELDS if dispatch.get(name) is not None}

    def add(self, record: logging.LogRecord) -> None:
        """Keeps a record's line."""
        text = message_of(record)
        if len(text) > MAX_LINE:
            text = f"{text[:MAX_LINE]}... ({len(text) - MAX_LINE} more characters)"
        with self.lock:
            if self._lines is None:
                self._lines = deque(maxlen=MAX_LINES)
            self._lines.append((record.created, record.levelname, record.name, text))

    def bind(self, record: logging.LogRecord) -> None:
        """Puts the ids on a record, in the place of whatever else has their names."""
        record.__dict__.update(self.ids)

    def take(self) -> bytes | None:
        """The last lines so far, oldest first, as a JSON list; None when there is none."""
        if self._lines is None and not self.unfinished:
            return None
        return self._take()

    def _take(self) -> bytes | None:
        with self.lock:
            unfinished, self.unfinished = self.unfinished, {}
        for begun in unfinished.values():
            begun.finish(self)
        with self.lock:
            lines = list(self._lines or ())
        texts: list[str] = []
        size = len("[]")
        for created, level, name, message in reversed(lines):
            line = _line(created, level, name, message)
            size += len(line) + len(", ")
            if size > MAX_BYTES:
                break
            texts.append(line)
        return f"[{', '.join(reversed(texts))}]".encode() if texts else None


def _line(created: float, level: object, logger: object, message: str) -> str:
    """A line as JSON; names of levels and loggers are whatever the user has made them."""
    try:
        at = datetime.fromtimestamp(created, UTC)
    except (ValueError, OverflowError, OSError):  # a record of the user's own making.
        at = datetime.now(UTC)
    fields = {
        "at": at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "level": utf8_text(level).lower(),
        "logger": utf8_text(logger),
        "message": utf8_text(message),
    }
    return json.dumps(fields)


current_log: ContextVar[AttemptLog | None] = ContextVar("tasker_attempt_log", default=None)
"""The log of the attempt that the running code belongs to."""

# A forked process may serve others, and outlive the attempt: what it logs is its own.
os.register_at_fork(after_in_child=lambda: current_log.set(None))


def message_of(record: logging.LogRecord) -> str:
    """The record's message, with its traceback if it has one.

    Arguments that do not fit the message are shown beside it.
    """
    try:
        text = record.getMessage()
    except Exception:  # the arguments are the user's, whose __str__ may raise anything.
        text = f"{record.msg!s} (its arguments do not fit)"
    if record.exc_info and record.exc_info[0] is not None:
        text += "\n" + _FORMATTER.formatException(record.exc_info)
    if record.stack_info:
        text += "\n" + record.stack_info
    return text


_FORMATTER = logging.Formatter()
