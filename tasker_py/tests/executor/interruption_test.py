"""Attempts that are cancelled, take too long, or are left when the session ends."""

import asyncio
import logging
import threading
from typing import Any, ClassVar

from running_executor import PATIENCE, Double, Running, cancel

from tasker_core import logs
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, Task

pytest_plugins = ["executor_fixture"]


def test_a_cancelled_sync_handler_is_told(running: Running) -> None:
    class Patient(StepHandlerBase):
        started = threading.Event()

        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, bool]:
            self.started.set()
            return {"told": step.cancelled.wait(PATIENCE)}

    running.session.send(running.dispatch("s", Patient))
    assert Patient.started.wait(PATIENCE)
    running.session.send(cancel("s"))
    assert running.session.outcomes(1)["s"]["results"] == {"told": True}


def test_a_cancelled_async_handler_is_cancelled(running: Running) -> None:
    class Patient(StepHandlerBase):
        started = threading.Event()
        cancelled: ClassVar[list[bool]] = []

        async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, bool]:
            self.started.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled.append(step.cancelled.is_set())
                raise
            return {}

    running.session.send(running.dispatch("s", Patient))
    assert Patient.started.wait(PATIENCE)
    running.session.send(cancel("s"))
    assert running.session.outcomes(1)["s"]["error"]["error_type"] == "CancelledError"
    assert Patient.cancelled == [True]


class Endless(StepHandlerBase):
    async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}


def test_an_async_handler_that_is_cancelled_before_it_begins_has_an_outcome(
    running: Running,
) -> None:
    class Blocking(StepHandlerBase):
        started = threading.Event()
        release = threading.Event()

        async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            self.started.set()
            return {"released": self.release.wait(PATIENCE)}

    running.session.send(running.dispatch("blocking", Blocking))
    assert Blocking.started.wait(PATIENCE)
    running.session.send(running.dispatch("s", Endless))
    running.session.send(cancel("s"))
    # Once this has an outcome the two before it wait for the event loop.
    running.session.send(running.dispatch("sync", Double))
    assert running.session.outcomes(1)["sync"]["success"]
    Blocking.release.set()
    assert running.session.outcomes(3)["s"]["error"]["error_type"] == "CancelledError"


def test_an_async_handler_that_is_cancelled_as_it_comes_is_cancelled(running: Running) -> None:
    running.session.send(running.dispatch("s", Endless), cancel("s"))
    assert running.session.outcomes(1)["s"]["error"]["error_type"] == "CancelledError"


def test_a_cancel_of_an_attempt_that_is_not_there_changes_nothing(running: Running) -> None:
    running.session.send(cancel("unknown"), running.dispatch("s", Double))
    assert running.session.outcomes(1)["s"]["success"]


def test_a_sync_handler_that_outlives_its_time_keeps_a_slot_until_it_ends(running: Running) -> None:
    class Late(StepHandlerBase):
        release = threading.Event()
        told: ClassVar[list[bool]] = []

        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            self.told.append(step.cancelled.wait(PATIENCE))
            self.release.wait(PATIENCE)
            return {"late": True}

    error = running.run("s", Late, timeout_ms=50)["error"]
    assert error["message"] == "the handler Late did not end within its time limit"
    assert (error["error_type"], error["retryable"]) == ("timeout", True)
    assert running.session.slots == [127]
    Late.release.set()
    running.session.wait_until(lambda: running.session.slots == [127, 128])
    assert Late.told == [True]
    assert running.executor.held() == []
    running.session.send(running.dispatch("next", Double))
    assert set(running.session.outcomes(2)) == {"s", "next"}


def test_an_async_handler_that_outlives_its_time_is_cancelled(running: Running) -> None:
    class Late(StepHandlerBase):
        cancelled = threading.Event()

        async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            try:
                await asyncio.Event().wait()
            finally:
                self.cancelled.set()
            return {}

    error = running.run("s", Late, timeout_ms=50)["error"]
    assert (error["error_type"], error["retryable"]) == ("timeout", True)
    assert Late.cancelled.wait(PATIENCE)
    running.session.wait_until(lambda: running.session.slots == [127, 128])


def test_only_the_attempt_whose_time_is_over_ends(running: Running) -> None:
    class Waiting(StepHandlerBase):
        release = threading.Event()

        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            self.release.wait(PATIENCE)
            return {"step": step.step_name}

    running.session.send(
        running.dispatch("quick", Waiting, timeout_ms=50),
        running.dispatch("slow", Waiting),
        running.dispatch("endless", Waiting, timeout_ms=None),
    )
    assert running.session.outcomes(1)["quick"]["error"]["error_type"] == "timeout"
    Waiting.release.set()
    outcomes = running.session.outcomes(3)
    assert outcomes["slow"]["results"] == {"step": "slow"}
    assert outcomes["endless"]["results"] == {"step": "endless"}


def test_what_runs_when_the_session_ends_is_known() -> None:
    class Waiting(StepHandlerBase):
        started = threading.Event()
        release = threading.Event()

        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            self.started.set()
            self.release.wait(PATIENCE)
            return {}

    running = Running()
    running.session.send(running.dispatch("s", Waiting))
    assert Waiting.started.wait(PATIENCE)
    running.stop()
    assert running.executor.held() == ["Waiting"]
    Waiting.release.set()


def test_a_time_out_has_the_lines_so_far(running: Running) -> None:
    class Late(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            logging.getLogger("a.library").warning("about to wait")
            step.cancelled.wait(PATIENCE)
            return {}

    logs.bind_attempts()
    try:
        outcome = running.run("s", Late, timeout_ms=50)
    finally:
        logs.unbind_attempts()
    assert outcome["error"]["error_type"] == "timeout"
    assert [(line["level"], line["message"]) for line in outcome["logs"]] == [
        ("warning", "about to wait")
    ]
