"""Attempts that a session hands over run at once, end once, and give slots back."""

import _thread
import asyncio
import ctypes
import json
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest

from tasker_core import logs
from tasker_core.errors import PermanentError, WorkerStoppedError
from tasker_core.executor import Executor
from tasker_core.registry import HandlerRegistry
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

PATIENCE = 20.0


class FakeSession:
    """Stands in for the native worker: hands over what a test puts in and keeps what comes back."""

    def __init__(self) -> None:
        self._messages: queue.Queue[str | None] = queue.Queue()
        self._changed = threading.Condition()
        self.batches: list[list[dict[str, Any]]] = []
        self.timings: dict[str, dict[str, Any]] = {}
        self.slots: list[int] = []
        self.observations: list[dict[str, Any]] = []

    def next(self, timeout_ms: int) -> str:
        try:
            message = self._messages.get(timeout=timeout_ms / 1000)
        except queue.Empty:
            return "[]"
        if message is None:
            raise WorkerStoppedError("stopped")
        return message

    def complete(self, outcomes: bytes) -> None:
        with self._changed:
            batch = json.loads(outcomes)
            for outcome in batch:
                self.timings[outcome["step_uuid"]] = outcome.pop("timings")
            self.batches.append(batch)
            self._changed.notify_all()

    def observe(self, observation: str) -> None:
        with self._changed:
            self.observations.append(json.loads(observation))
            self._changed.notify_all()

    def set_slots(self, slots: int) -> None:
        with self._changed:
            self.slots.append(slots)
            self._changed.notify_all()

    def fetch(self, request: bytes | str, timeout_ms: int) -> str:
        asked = json.loads(request)
        return json.dumps({**asked, "results": [{"of": asked["name"]}]})

    def send(self, *messages: dict[str, Any]) -> None:
        self._messages.put(json.dumps(messages))

    def stop(self) -> None:
        self._messages.put(None)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, PATIENCE), (self.batches, self.slots)

    def outcomes(self, count: int) -> dict[str, dict[str, Any]]:
        """The outcomes by step, once there are so many."""
        self.wait_until(lambda: sum(map(len, self.batches)) >= count)
        found = [outcome for batch in self.batches for outcome in batch]
        assert len(found) == count
        return {outcome["step_uuid"]: outcome for outcome in found}


class Running:
    def __init__(self, slots: int = 128) -> None:
        self.session = FakeSession()
        self.registry = HandlerRegistry()
        self.executor = Executor(self.session, self.registry, slots)
        self._thread = threading.Thread(target=self.executor.run)
        self._thread.start()

    def dispatch(self, step: str, handler: type[StepHandlerBase], **fields: Any) -> dict[str, Any]:
        name = handler.__name__
        self.registry.register(name, handler)
        return {"dispatch": dispatch(step, name, **fields)}

    def run(self, step: str, handler: type[StepHandlerBase], **fields: Any) -> dict[str, Any]:
        """Runs one attempt to its outcome."""
        self.session.send(self.dispatch(step, handler, **fields))
        return self.session.outcomes(1)[step]

    def stop(self) -> None:
        self.session.stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


@pytest.fixture
def running() -> Iterator[Running]:
    running = Running()
    yield running
    running.stop()


def dispatch(step: str, callable_name: str, **fields: Any) -> dict[str, Any]:
    return {
        "task_uuid": "task",
        "step_uuid": step,
        "attempt": 1,
        "max_attempts": 3,
        "namespace": "n",
        "name": "w",
        "version": "1.0.0",
        "step_name": step,
        "callable": callable_name,
        "method": "call",
        "configuration": {},
        "idempotency_key": "key",
        "context": {"n": 2},
        "results": {},
        "timeout_ms": 30_000,
        "tags": [],
        "correlation_id": None,
        **fields,
    }


def cancel(step: str) -> dict[str, Any]:
    return {"cancel": {"task_uuid": "task", "step_uuid": step, "attempt": 1}}


class Double(StepHandlerBase):
    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        return StepHandlerCallResult.success({"result": task.context["n"] * 2}, {"k": "v"})

    def power(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        base = sequence["before"]["result"]
        assert self.configuration is step.configuration
        return {"result": base ** self.configuration["exponent"]}


class AsyncDouble(StepHandlerBase):
    async def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        await asyncio.sleep(0)
        return StepHandlerCallResult.success({"result": task.context["n"] * 2})


def test_a_sync_handler_gives_its_result(running: Running) -> None:
    assert running.run("s", Double) == {
        "task_uuid": "task",
        "step_uuid": "s",
        "attempt": 1,
        "success": True,
        "results": {"result": 4},
        "metadata": {"k": "v"},
    }


def test_an_async_handler_gives_its_result(running: Running) -> None:
    assert running.run("s", AsyncDouble)["results"] == {"result": 4}


def test_the_method_that_the_template_names_is_called_with_its_configuration(
    running: Running,
) -> None:
    outcome = running.run(
        "s",
        Double,
        method="power",
        configuration={"exponent": 64},
        results={"before": {"result": 6}},
    )
    assert outcome["results"] == {"result": 6**64}


def test_results_that_a_dispatch_leaves_out_are_fetched_from_its_session(running: Running) -> None:
    class Reading(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            return {"read": sequence["before"]}

    assert running.run("s", Reading, omitted=["before"])["results"] == {"read": {"of": "before"}}


def test_each_attempt_has_an_instance_of_its_own(running: Running) -> None:
    class Counting(StepHandlerBase):
        calls = 0

        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, int]:
            self.calls += 1
            return {"calls": self.calls}

    running.session.send(*[running.dispatch(f"s{n}", Counting) for n in range(3)])
    outcomes = running.session.outcomes(3)
    assert [outcome["results"] for outcome in outcomes.values()] == [{"calls": 1}] * 3


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


@pytest.mark.parametrize(
    "error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit(), ZeroDivisionError("z")]
)
def test_whatever_a_handler_raises_is_a_failure_and_the_worker_lives(
    running: Running, error: BaseException
) -> None:
    class Raising(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            raise error

    class AsyncRaising(StepHandlerBase):
        async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            raise error

    running.session.send(running.dispatch("sync", Raising), running.dispatch("async", AsyncRaising))
    outcomes = running.session.outcomes(2)
    for step in ("sync", "async"):
        assert outcomes[step]["error"]["error_type"] == type(error).__name__
        assert outcomes[step]["error"]["retryable"]
        assert "raise error" in outcomes[step]["error"]["backtrace"]
    running.session.send(running.dispatch("s", Double), running.dispatch("a", AsyncDouble))
    assert running.session.outcomes(4)["s"]["success"]


def test_a_permanent_error_is_permanent(running: Running) -> None:
    class Refusing(StepHandlerBase):
        async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            raise PermanentError("no", error_code="NO")

    error = running.run("s", Refusing)["error"]
    assert (error["message"], error["error_code"], error["retryable"]) == ("no", "NO", False)


def test_a_coroutine_from_a_sync_handler_is_no_result(running: Running) -> None:
    class Lost(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> Any:
            return asyncio.sleep(0)

    error = running.run("s", Lost)["error"]
    assert error["message"].startswith("the handler returned <coroutine object sleep")
    assert "only a method that is `async def` itself is awaited" in error["message"]
    assert not error["retryable"]


def test_a_constructor_that_raises_is_a_failure(running: Running) -> None:
    class Unborn(StepHandlerBase):
        def __init__(self) -> None:
            raise ConnectionError("no database")

        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            return {}

    error = running.run("s", Unborn)["error"]
    assert (error["error_type"], error["message"]) == ("ConnectionError", "no database")
    assert error["retryable"]


def test_a_callable_without_a_handler_fails_its_attempt_only(running: Running) -> None:
    running.session.send(
        {"dispatch": dispatch("lost", "nowhere.Handler")}, running.dispatch("found", Double)
    )
    outcomes = running.session.outcomes(2)
    assert outcomes["found"]["success"]
    assert outcomes["lost"]["error"]["error_type"] == "HandlerNotFoundError"
    assert outcomes["lost"]["error"]["message"] == (
        "no handler for the callable 'nowhere.Handler': there is no module 'nowhere'; "
        "is its folder in TASKER_HANDLER_PATH, or the worker given the module that registers the "
        "name?"
    )


def test_a_method_that_the_handler_lacks_is_named(running: Running) -> None:
    error = running.run("s", Double, method="triple")["error"]
    assert error["message"].startswith("no handler for the callable 'Double': ")
    assert error["message"].endswith(
        "has no method 'triple'; wanted: triple(self, task, sequence, step)"
    )
    # Another worker may have a version of the handler with this method.
    assert (error["error_type"], error["retryable"]) == ("InvalidHandlerError", True)


def test_a_context_that_is_too_deep_fails_its_attempt_only(running: Running) -> None:
    text = json.dumps(
        [running.dispatch("deep", Double, context="HERE"), running.dispatch("s", Double)]
    )
    running.session._messages.put(text.replace('"HERE"', "[" * 50_000 + "]" * 50_000))
    outcomes = running.session.outcomes(2)
    assert outcomes["s"]["success"]
    assert outcomes["deep"]["error"]["message"] == (
        "the step's context is nested too deeply for Python"
    )
    assert not outcomes["deep"]["error"]["retryable"]


def test_an_unknown_message_costs_nothing_else(running: Running) -> None:
    running.session.send({"surprise": {}}, running.dispatch("s", Double))
    assert running.session.outcomes(1)["s"]["success"]


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


def test_an_outcome_tells_how_long_its_attempt_waited_and_ran(running: Running) -> None:
    class Waiting(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            step.cancelled.wait(0.02)
            return {}

    running.run("s", Waiting)
    timings = running.session.timings["s"]
    assert timings["callable"] == "Waiting"
    assert timings["ran_us"] >= 20_000
    assert timings["queued_us"] >= 0
    running.session.send({"dispatch": dispatch("lost", "nowhere.Handler")})
    running.session.outcomes(2)
    assert running.session.timings["lost"] == {"callable": "nowhere.Handler"}


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


class ShotError(Exception):
    """Raised in a thread from outside."""


def shoot(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(ShotError))


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
