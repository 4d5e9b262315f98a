"""A step with all that happened to it, as lines for people."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tasker_core.client import HistoryEntry, LogLine, Step
from tasker_core.client.lines import json_line
from tasker_core.client.telling import described

INDENT = "    "


def step_lines(step: Step) -> Iterator[str]:
    """How the step stands, then each attempt and each act on it: traceback, and what it logged."""
    for field, value in _fields(step):
        yield f"{field + ':':<13}{value}"
    for entry in step.history or ():
        yield ""
        yield _head(entry)
        for line in _body(entry):
            yield INDENT + line


def _fields(step: Step) -> list[tuple[str, Any]]:
    fields = [
        ("step", step.step_name),
        ("state", step.current_state),
        ("attempts", f"{step.attempts}/{step.max_attempts}"),
        ("depends on", ", ".join(step.parents)),
        ("next retry", step.next_retry_at and _time(step.next_retry_at)),
        ("waiting on", step.waiting_on),
        ("results", None if step.results is None else json_line(step.results)),
        ("metadata", json_line(step.metadata) if step.metadata else None),
        ("error", step.error and described(step.error)),
    ]
    return [(name, value) for name, value in fields if value]


def _head(entry: HistoryEntry) -> str:
    """Such as `attempt 1 failed on worker-1, 2026-01-05 09:30:00+00:00 to ...`."""
    # What an operator does takes no time.
    times = dict.fromkeys(_time(at) for at in (entry.started_at, entry.ended_at) if at is not None)
    at = f", {' to '.join(times)}" if times else ""
    if entry.by is not None:
        return f"{entry.outcome} by {entry.by}{at}"
    worker = "" if entry.worker_id is None else f" on {entry.worker_id}"
    return f"attempt {entry.attempt} {entry.outcome or 'is running'}{worker}{at}"


def _body(entry: HistoryEntry) -> Iterator[str]:
    if entry.reason is not None:
        yield entry.reason
    if entry.error is not None:
        yield from (entry.error.backtrace or described(entry.error)).splitlines()
    if entry.logs:
        yield "logged:"
        for log in entry.logs:
            yield from (INDENT + line for line in _logged(log).splitlines())


def _logged(log: LogLine) -> str:
    logger = "" if log.logger is None else f" {log.logger}"
    return f"{_time(log.at)} {log.level.upper()}{logger}: {log.message}"


def _time(at: datetime) -> str:
    return at.isoformat(" ")
