"""Text that is no UTF-8, such as an odd file's name, costs nothing wherever a handler gives it."""

import json
import logging
import os
from datetime import UTC, datetime
from typing import Any

import pytest

from tasker_core.attempt_log import AttemptLog
from tasker_core.errors import PermanentError, RefusedError
from tasker_core.testing import WorkflowTest
from tasker_core.testing.bench import Bench
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

TEMPLATE = """
name: files
namespace_name: imports
version: 1.0.0
steps:
  - name: read
    handler: {callable: imports.read}
"""

# As os.listdir gives it of a file whose name is in Latin-1.
NAME = os.fsdecode(b"caf\xe9.csv")
SHOWN = "caf\\udce9.csv"


def run(read: Any) -> WorkflowTest:
    test = WorkflowTest(TEMPLATE, {"read": read})
    test.run({})
    return test


def lines(test: WorkflowTest) -> tuple[str, ...]:
    return test.history("read")[0].logs


def test_a_file_name_that_is_no_utf_8_can_be_logged() -> None:
    def read(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        logging.getLogger("imports").warning("one line before")
        logging.getLogger("imports").warning("reading %s", NAME)
        return {"rows": 1}

    test = run(read)
    assert test.result.status == "complete"
    assert lines(test) == ("one line before", f"reading {SHOWN}")


@pytest.mark.parametrize("level", [NAME, 7])
def test_names_of_loggers_and_levels_may_be_anything(level: Any) -> None:
    log = AttemptLog({})
    record = {"msg": "by hand", "levelname": level, "name": NAME}
    log.add(logging.makeLogRecord(record))
    (line,) = json.loads(log.take() or b"[]")
    assert (line["message"], line["logger"]) == ("by hand", SHOWN)
    assert line["level"] == (SHOWN if level == NAME else "7")


@pytest.mark.parametrize("created", [1e300, float("nan"), -1e18])
def test_a_record_of_no_possible_time_is_of_now(created: float) -> None:
    log = AttemptLog({})
    log.add(logging.makeLogRecord({"msg": "odd", "created": created}))
    log.add(logging.makeLogRecord({"msg": "usual"}))
    odd, usual = json.loads(log.take() or b"[]")
    assert (odd["message"], usual["message"]) == ("odd", "usual")
    assert odd["at"][:10] <= datetime.now(UTC).isoformat()[:10]


def test_metadata_and_codes_may_hold_it() -> None:
    def read(task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        if task.context is None:
            raise PermanentError(NAME, error_code=NAME, metadata={NAME: NAME})
        return StepHandlerCallResult.success({"file": NAME}, {NAME: [NAME]})

    step = run(read).result["read"]
    assert (step.results, step.metadata) == ({"file": NAME}, {NAME: [NAME]})
    test = WorkflowTest(TEMPLATE, {"read": read})
    failed = test.run(None)["read"]
    assert failed.error is not None
    assert (failed.error.message, failed.error.error_code) == (SHOWN, SHOWN)
    assert failed.metadata == {NAME: NAME}


def test_what_an_engine_refuses_of_an_outcome_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a bench, which plays engine and worker: it says so and goes on."""
    complete = Bench.complete

    def with_a_bad_line(bench: Bench, outcomes: list[bytes]) -> None:
        line = b'{"at": "x", "level": "info", "message": "kept"}'
        complete(bench, [b'%b, "logs": [%b, {}]}' % (one[:-1], line) for one in outcomes])

    monkeypatch.setattr(Bench, "complete", with_a_bad_line)
    test = WorkflowTest(TEMPLATE, {"read": lambda task, sequence, step: {"rows": 1}})
    test.start({})
    with pytest.raises(RefusedError, match="INVALID_REQUEST: line 2 of `logs`, which is not kept"):
        test.step()
    assert test.result["read"].results == {"rows": 1}
    assert lines(test) == ("kept",)
