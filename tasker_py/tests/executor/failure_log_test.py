"""An attempt that fails is in the worker's log, once, and not among what its handler logged."""

import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from running_executor import PATIENCE, AsyncDouble, Double, Running, dispatch

from tasker_core.errors import PermanentError
from tasker_core.own_logger import OwnLogger
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

pytest_plugins = ["executor_fixture"]


class Slip(StepHandlerBase):
    def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        return {"amount": task.context["amuont"]}


class AsyncSlip(StepHandlerBase):
    async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        return {"amount": task.context["amuont"]}


class Refusal(StepHandlerBase):
    def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        raise PermanentError("nobody sells that")


class Answer(StepHandlerBase):
    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        return StepHandlerCallResult.failure("not today", retryable=True)


def logged(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == "tasker_core.executor"]


@pytest.mark.parametrize("handler", [Slip, AsyncSlip])
@pytest.mark.parametrize(("attempt", "level"), [(1, "WARNING"), (3, "ERROR")])
def test_an_exception_is_logged_with_its_traceback(
    running: Running,
    caplog: pytest.LogCaptureFixture,
    handler: type[StepHandlerBase],
    attempt: int,
    level: str,
) -> None:
    outcome = running.run("s", handler, attempt=attempt)
    (record,) = logged(caplog)
    first, *traceback = record.getMessage().splitlines()
    assert (record.levelname, first) == (
        level,
        f"attempt {attempt} of s failed: KeyError: 'amuont'",
    )
    assert traceback[0] == "Traceback (most recent call last):"
    assert traceback[-1] == "KeyError: 'amuont'"
    assert (vars(record)["step_name"], vars(record)["attempt"]) == ("s", attempt)
    assert "logs" not in outcome


def test_a_failure_for_good_is_an_error_at_once(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running.run("s", Refusal)
    (record,) = logged(caplog)
    assert record.levelname == "ERROR"
    assert "PermanentError: nobody sells that" in record.getMessage()


def test_a_failure_that_is_returned_is_logged_too(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    running.run("s", Answer)
    (record,) = logged(caplog)
    assert record.getMessage() == "attempt 1 of s failed: handler_error: not today"


@pytest.mark.parametrize("handler", [Double, AsyncDouble])
def test_a_success_is_not_logged(
    running: Running, caplog: pytest.LogCaptureFixture, handler: type[StepHandlerBase]
) -> None:
    running.run("s", handler)
    assert logged(caplog) == []


class Declined(StepHandlerBase):
    def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        return {"success": False, "reason": "declined"}


class AsyncDeclined(StepHandlerBase):
    async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        return {"success": False, "reason": "declined"}


@pytest.mark.parametrize("handler", [Declined, AsyncDeclined])
def test_results_that_speak_of_failure_are_a_success_like_any(
    running: Running, caplog: pytest.LogCaptureFixture, handler: type[StepHandlerBase]
) -> None:
    outcome = running.run("s", handler)
    assert (outcome["success"], outcome["results"]) == (
        True,
        {"success": False, "reason": "declined"},
    )
    assert logged(caplog) == []


class Broken(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        raise ConnectionError("the log server is away")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What a worker says of a handler of the root logger that raises."""
    told: list[str] = []

    class ProcessLog(logging.NullHandler):
        def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
            told.append(repr(sys.exc_info()[1]))

    monkeypatch.setattr(OwnLogger, "process_log", ProcessLog())
    broken = Broken()
    logging.getLogger().addHandler(broken)
    yield told
    logging.getLogger().removeHandler(broken)


class Late(StepHandlerBase):
    def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        step.cancelled.wait(PATIENCE)
        return {}


def test_a_log_handler_that_raises_costs_no_outcome_and_not_the_worker(
    running: Running, told: list[str]
) -> None:
    running.session.send(
        running.dispatch("sync", Slip),
        running.dispatch("async", AsyncSlip),
        running.dispatch("late", Late, timeout_ms=50),
        {"dispatch": dispatch("nowhere", "nowhere.Handler")},
    )
    outcomes = running.session.outcomes(4)
    assert {step: outcome["error"]["error_type"] for step, outcome in outcomes.items()} == {
        "sync": "KeyError",
        "async": "KeyError",
        "late": "timeout",
        "nowhere": "HandlerNotFoundError",
    }
    assert told == ["ConnectionError('the log server is away')"] * 4
    running.session.send(running.dispatch("next", Double))
    assert running.session.outcomes(5)["next"]["success"]
