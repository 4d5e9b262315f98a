"""One task on one engine: attempts are made, time passes, and what is planned goes wrong."""

from collections import deque
from collections.abc import Mapping
from typing import Any

from tasker_core import outcome
from tasker_core.dispatch import AttemptRef
from tasker_core.errors import WorkflowTestError
from tasker_core.testing.bench import Bench
from tasker_core.testing.caller import Caller
from tasker_core.testing.faults import (
    CrashEngine,
    CrashWorker,
    DeliverTwice,
    Fail,
    Fault,
    Place,
    TimeOut,
)


class Run:
    """Plays the worker to a bench. A fault leaves `faults` when it happens."""

    def __init__(self, bench: Bench, caller: Caller, faults: dict[Place, Fault]) -> None:
        self._bench = bench
        self._caller = caller
        self._faults = faults
        # Attempts that the worker has taken and not made.
        self._queue: deque[dict[str, Any]] = deque()
        # Attempts whose handlers do not end in time: when the worker gives them up.
        self._hanging: dict[AttemptRef, int] = {}
        # Outcomes that come after the engine has given up their attempts.
        self._late: dict[AttemptRef, bytes] = {}
        self.task_uuid = ""

    def create(self, context: Any, fields: Mapping[str, Any]) -> None:
        """Creates the task."""
        self.task_uuid = self._bench.create(context, fields)
        self._receive()

    @property
    def now(self) -> int:
        """What the clock shows, in microseconds since 1970."""
        return self._bench.now

    def show(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The task and its steps as the API shows them."""
        return self._bench.show(self.task_uuid)

    def go_on(self, until: int | None) -> str | None:
        """Makes the next attempt that is due up to a time, and gives its step's name.

        None when there is none; then the clock shows that time. Without a time: none ever, unless
        somebody acts.
        """
        while not self._queue:
            due = self._next_time()
            if until is None and (due is None or self._is_idle()):
                return None
            if until is not None and (due is None or due > until):
                self._bench.advance(until)
                return None
            assert due is not None
            self._bench.advance(due)
            self._give_up_overdue()
            self._receive()
        return self._make(self._queue.popleft())

    def crash_worker(self) -> None:
        """The worker's process dies with all that it holds."""
        self._queue.clear()
        self._hanging.clear()
        self._late.clear()
        self._bench.crash_worker()
        self._receive()

    def crash_engine(self) -> None:
        """The engine's process dies; the worker comes back to the next one."""
        self._bench.crash_engine()
        self._receive()

    def cancel(self) -> None:
        """Cancels the task."""
        self._bench.cancel(self.task_uuid)
        self._receive()

    def act(self, step_name: str, order: Mapping[str, Any]) -> None:
        """Acts on a step as an operator."""
        self._bench.act(self.task_uuid, self._step_uuid(step_name), order)
        self._receive()

    def history(self, step_name: str) -> list[dict[str, Any]]:
        """What happened to a step, as the API shows it."""
        return self._bench.history(self.task_uuid, self._step_uuid(step_name))

    def _step_uuid(self, step_name: str) -> str:
        _, steps = self.show()
        for step in steps:
            if step["step_name"] == step_name:
                step_uuid: str = step["step_uuid"]
                return step_uuid
        names = ", ".join(step["step_name"] for step in steps)
        raise WorkflowTestError(f"the task has no step {step_name!r}; it has {names}")

    def _is_idle(self) -> bool:
        return self._bench.settled and not self._hanging and not self._late

    def _next_time(self) -> int | None:
        engine = [] if self._bench.next is None else [self._bench.next]
        return min([*self._hanging.values(), *engine], default=None)

    def _give_up_overdue(self) -> None:
        """The worker gives up the attempts whose time is over."""
        for ref, deadline in list(self._hanging.items()):
            if deadline <= self._bench.now:
                del self._hanging[ref]
                message = "the handler did not end within its time limit"
                failure = outcome.failure(ref, message, error_type="timeout", retryable=True)
                self._bench.complete([failure])

    def _receive(self) -> None:
        """Takes what the worker was sent."""
        while self._bench.messages:
            message = self._bench.messages.popleft()
            if "dispatch" in message:
                self._queue.append(message["dispatch"])
            elif "cancel" in message:
                self._stop(AttemptRef.of(message["cancel"]))

    def _stop(self, ref: AttemptRef) -> None:
        """The engine has ended an attempt: it is not made any more; a late outcome is sent now."""
        self._queue = deque(dispatch for dispatch in self._queue if AttemptRef.of(dispatch) != ref)
        self._hanging.pop(ref, None)
        if ref in self._late:
            self._bench.complete([self._late.pop(ref)])

    def _make(self, dispatch: dict[str, Any]) -> str:
        """Makes an attempt, with what is to go wrong about it, and gives its step's name."""
        step_name: str = dispatch["step_name"]
        ref = AttemptRef.of(dispatch)
        fault = self._faults.pop((step_name, ref.attempt), None)
        match fault:
            case CrashWorker(after=False):
                self.crash_worker()
                return step_name
            case CrashEngine(after=False):
                self.crash_engine()
        ended = (
            fault.outcome(ref)
            if isinstance(fault, Fail)
            else self._caller.call(dispatch, self._bench)
        )
        match fault:
            case CrashWorker():
                self.crash_worker()
            case CrashEngine(after=True, committed=committed):
                self._bench.crash_engine([ended], committed)
            case TimeOut(late=True):
                self._late[ref] = ended
            case TimeOut():
                timeout_ms: int = dispatch["timeout_ms"]
                self._hanging[ref] = self._bench.now + timeout_ms * 1000
            case DeliverTwice():
                self._bench.complete([ended])
                self._bench.complete([ended])
            case _:
                self._bench.complete([ended])
        self._receive()
        return step_name
