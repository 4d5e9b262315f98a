"""What a record is written as, with the ids of its attempt."""

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


def test_further_lines_are_indented_and_pass_for_no_record() -> None:
    record = make_record("two\nlines\r")
    record.__dict__.update(attempt=2)
    try:
        raise ValueError("broken")
    except ValueError:
        record.exc_info = sys.exc_info()
    first, *further = LineFormatter().format(record).splitlines()
    assert first == "1970-01-01T00:00:00.000Z WARNING a.logger: two [attempt=2]"
    assert further[:2] == ["    lines\\r", "    Traceback (most recent call last):"]
    assert further[-1] == "    ValueError: broken"
    assert all(line.startswith("    ") for line in further)


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
