"""Attempts run at once, on threads or the event loop, whatever handlers do to these."""

import _thread
import asyncio
import ctypes
import logging
import threading
from typing import Any

from running_executor import PATIENCE, AsyncDouble, Double, Running

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, Task

pytest_plugins = ["executor_fixture"]


class ShotError(Exception):
    """Raised in a thread from outside."""


def shoot(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(ShotError))


def test_ten_sync_handlers_run_at_once(running: Running) -> None:
    class Meeting(StepHandlerBase):
        barrier = threading.Barrier(10)

        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, bool]:
            self.barrier.wait(PATIENCE)
            return {"met": True}

    running.session.send(*[running.dispatch(f"s{n}", Meeting) for n in range(10)])
    outcomes = running.session.outcomes(10)
    assert {outcome["success"] for outcome in outcomes.values()} == {True}


def test_a_hundred_async_handlers_run_at_once_and_answer_together(running: Running) -> None:
    class Meeting(StepHandlerBase):
        barrier = asyncio.Barrier(100)

        async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, bool]:
            await asyncio.wait_for(self.barrier.wait(), PATIENCE)
            return {"met": True}

    running.session.send(*[running.dispatch(f"s{n}", Meeting) for n in range(100)])
    outcomes = running.session.outcomes(100)
    assert {outcome["success"] for outcome in outcomes.values()} == {True}
    assert len(running.session.batches) < 50


def test_idle_threads_are_used_again(running: Running) -> None:
    class Where(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, str]:
            return {"thread": threading.current_thread().name}

    threads = set()
    for number in range(1, 201):
        running.session.send(running.dispatch(f"s{number}", Where))
        threads.add(running.session.outcomes(number)[f"s{number}"]["results"]["thread"])
    # An outcome is there a moment before its thread is idle.
    assert len(threads) < 20


def test_a_handler_that_blocks_the_event_loop_is_named(running: Running) -> None:
    seen = threading.Event()
    messages: list[str] = []

    class Blocking(StepHandlerBase):
        async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, bool]:
            return {"seen": seen.wait(PATIENCE)}

    class Watcher(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            # Kept before the handler goes on: other log handlers may get the record later.
            messages.append(record.getMessage())
            seen.set()

    watcher = Watcher()
    logger = logging.getLogger("tasker_core.event_loop")
    logger.addHandler(watcher)
    try:
        assert running.run("s", Blocking)["results"] == {"seen": True}
    finally:
        logger.removeHandler(watcher)
    (message,) = messages
    assert "the handler Blocking has blocked the async handlers' event loop" in message
    assert "seen.wait(PATIENCE)" in message


def test_every_outcome_comes_once_under_load(running: Running) -> None:
    messages = [
        running.dispatch(f"s{n}", Double if n % 2 else AsyncDouble, context={"n": n})
        for n in range(2_000)
    ]
    for start in range(0, 2_000, 100):
        running.session.send(*messages[start : start + 100])
    outcomes = running.session.outcomes(2_000)
    assert {step: outcome["results"] for step, outcome in outcomes.items()} == {
        f"s{n}": {"result": 2 * n} for n in range(2_000)
    }


def test_the_delay_of_the_event_loop_is_observed_while_handlers_run(running: Running) -> None:
    class Waiting(StepHandlerBase):
        release = asyncio.Event()

        async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            await asyncio.wait_for(self.release.wait(), PATIENCE)
            return {}

    class Releasing(StepHandlerBase):
        async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            Waiting.release.set()
            return {}

    running.session.send(running.dispatch("s", Waiting))
    running.session.wait_until(lambda: bool(running.session.observations))
    assert running.session.observations[0]["event_loop_delay_us"] >= 0
    running.session.send(running.dispatch("r", Releasing))
    running.session.outcomes(2)


def test_a_handler_that_ends_its_thread_has_failed(running: Running) -> None:
    class Exiting(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            _thread.exit()

    class Shot(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            shoot(threading.get_ident())
            while True:
                step.cancelled.wait(0.001)

    running.session.send(running.dispatch("exit", Exiting), running.dispatch("shot", Shot))
    outcomes = running.session.outcomes(2)
    assert outcomes["exit"]["error"]["error_type"] == "SystemExit"
    assert outcomes["shot"]["error"]["error_type"] == "ShotError"
    running.session.send(*[running.dispatch(f"s{n}", Double) for n in range(10)])
    assert len(running.session.outcomes(12)) == 12


def test_a_thread_that_is_ended_while_it_is_idle_is_replaced(running: Running) -> None:
    threads: list[int] = []

    class Noting(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            threads.append(threading.get_ident())
            return {}

    running.run("first", Noting)
    # Arrives when the thread next runs Python code, which is once it was given something.
    shoot(threads[0])
    running.session.send(*[running.dispatch(f"s{n}", Noting) for n in range(20)])
    outcomes = running.session.outcomes(21)
    assert {outcome["success"] for outcome in outcomes.values()} == {True}


def test_system_exit_in_a_task_of_an_async_handler_leaves_the_others_alone(
    running: Running,
) -> None:
    class Starting(StepHandlerBase):
        async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            async def leave() -> None:
                raise SystemExit(3)

            await asyncio.create_task(leave())
            return {}

    assert running.run("s", Starting)["error"]["error_type"] == "SystemExit"
    running.session.send(running.dispatch("a", AsyncDouble))
    assert running.session.outcomes(2)["a"]["success"]
