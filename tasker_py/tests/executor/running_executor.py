"""An executor that runs, on a session that tests play, and what they run on it."""

import asyncio
import json
import queue
import threading
from collections.abc import Callable
from typing import Any

from tasker_core.errors import WorkerStoppedError
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
