"""A record is one line, with the ids of its attempt."""

import json
import logging
import sys
from decimal import Decimal

from tasker_core.logs import JsonFormatter, LineFormatter


def make_record(message: str) -> logging.LogRecord:
    record = logging.LogRecord("a.logger", logging.WARNING, __file__, 1, message, None, None)
    record.created = 0.0
    record.msecs = 0.0
    return record


def test_ids_follow_the_message() -> None:
    record = make_record("hello")
    record.__dict__.update(task_uuid="t", attempt=2, correlation_id="c")
    line = LineFormatter().format(record)
    assert line == (
        "1970-01-01T00:00:00.000Z WARNING a.logger: hello [task_uuid=t attempt=2 correlation_id=c]"
    )


def test_further_lines_are_indented_and_begin_no_record() -> None:
    record = make_record("two\nlines\r")
    record.__dict__.update(task_uuid="t")
    try:
        raise ValueError("broken")
    except ValueError:
        record.exc_info = sys.exc_info()
    first, second, begin, *place, last = LineFormatter().format(record).split("\n")
    assert first == "1970-01-01T00:00:00.000Z WARNING a.logger: two [task_uuid=t]"
    assert (second, begin) == ("    lines\\r", "    Traceback (most recent call last):")
    assert [line[:6] for line in place[:1]] == ["      "]
    assert last == "    ValueError: broken"


def test_json_has_the_same_and_whatever_extra_brought() -> None:
    record = make_record("two\nlines")
    record.__dict__.update(task_uuid="t", attempt=2, amount=Decimal("7.50"))
    line = JsonFormatter().format(record)
    assert len(line.splitlines()) == 1
    assert json.loads(line) == {
        "timestamp": "1970-01-01T00:00:00.000000Z",
        "level": "WARNING",
        "logger": "a.logger",
        "message": "two\nlines",
        "task_uuid": "t",
        "attempt": 2,
        "amount": "7.50",
    }
