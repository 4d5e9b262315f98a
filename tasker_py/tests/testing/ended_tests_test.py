"""What is raised in a handler to end the test, and not the attempt, ends the test."""

import asyncio
import os
import signal
import sys
import threading
import types
import unittest
from collections.abc import Iterator
from typing import Any

import pytest

from tasker_core.step_handler import StepHandlerBase
from tasker_core.testing import WorkflowTest
from tasker_core.types import Sequence, Step, Task

TEMPLATE = """
name: order
namespace_name: shop
version: 1.0.0
steps:
  - name: price
    handler: {callable: x.price}
    retry: {max_attempts: 3, backoff: none}
"""


class Calls:
    """A handler that raises, and counts how often it was called."""

    def __init__(self, error: BaseException) -> None:
        self.error = error
        self.count = 0

    def sync(self, task: Task, sequence: Sequence, step: Step) -> Any:
        self.count += 1
        raise self.error

    async def later(self, task: Task, sequence: Sequence, step: Step) -> Any:
        await asyncio.sleep(0)
        self.sync(task, sequence, step)


def outcome(raised: Any) -> BaseException:
    """What one of pytest's functions raises."""
    with pytest.raises(BaseException) as caught:  # noqa: PT011
        raised("because")
    return caught.value


class OfAnotherLibrary(BaseException):
    """As a library has it that ends tests."""


ENDS = [KeyboardInterrupt(), OfAnotherLibrary(), unittest.SkipTest("because")]
ENDS += [outcome(raised) for raised in (pytest.skip, pytest.fail, pytest.exit, pytest.xfail)]


@pytest.mark.parametrize("kind", ["sync", "later"])
@pytest.mark.parametrize("error", ENDS, ids=lambda error: type(error).__name__)
def test_what_ends_a_test_goes_to_the_test_at_once(error: BaseException, kind: str) -> None:
    calls = Calls(error)
    with pytest.raises(type(error)):
        WorkflowTest(TEMPLATE, {"price": getattr(calls, kind)}).run({})
    assert calls.count == 1


@pytest.mark.parametrize("kind", ["sync", "later"])
@pytest.mark.parametrize(
    "error",
    [SystemExit(3), asyncio.CancelledError(), GeneratorExit(), AssertionError("no")],
    ids=lambda error: type(error).__name__,
)
def test_what_a_worker_survives_fails_the_attempt(error: BaseException, kind: str) -> None:
    calls = Calls(error)
    result = WorkflowTest(TEMPLATE, {"price": getattr(calls, kind)}).run({})
    assert calls.count == 3
    assert result["price"].error is not None
    assert result["price"].error.error_type == type(error).__name__


def test_an_example_that_is_assumed_away_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """As hypothesis does it: by an Exception of its own."""
    kind = type("UnsatisfiedAssumption", (Exception,), {})
    module = types.SimpleNamespace(UnsatisfiedAssumption=kind)
    monkeypatch.setitem(sys.modules, "hypothesis.errors", module)
    with pytest.raises(kind):
        WorkflowTest(TEMPLATE, {"price": Calls(kind()).sync}).run({})


def test_ctrl_c_ends_the_test() -> None:
    def price(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(10)
        return {}

    with pytest.raises(KeyboardInterrupt):
        WorkflowTest(TEMPLATE, {"price": price}).run({})


@pytest.fixture
def alarm() -> Iterator[None]:
    """A time limit, as plugins that limit a test's time set it."""

    def ring(number: int, frame: object) -> None:
        pytest.fail("Timeout")

    before = signal.signal(signal.SIGALRM, ring)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_an_alarm_ends_the_test(alarm: None) -> None:
    class Hangs(StepHandlerBase):
        calls = 0

        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            Hangs.calls += 1
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            threading.Event().wait(10)
            return {}

    with pytest.raises(pytest.fail.Exception, match="Timeout"):
        WorkflowTest(TEMPLATE, {"price": Hangs}).run({})
    assert Hangs.calls == 1


def test_the_test_can_go_on_with_another_run() -> None:
    errors: list[BaseException] = [KeyboardInterrupt()]

    async def price(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        if errors:
            raise errors.pop()
        return {"price": 3}

    test = WorkflowTest(TEMPLATE, {"price": price})
    with pytest.raises(KeyboardInterrupt):
        test.run({})
    assert test.result["price"].state == "in_progress"
    assert test.run({})["price"].results == {"price": 3}
