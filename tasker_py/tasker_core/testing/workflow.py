"""`WorkflowTest`: a whole workflow in the test's own process, on a clock of its own."""

import asyncio
import weakref
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tasker_core import outcome
from tasker_core.attempt import invoke, invoke_async, prepare
from tasker_core.dispatch import AttemptRef
from tasker_core.errors import WorkflowTestError
from tasker_core.testing.bench import Bench, read_template
from tasker_core.testing.faults import (
    CrashEngine,
    CrashWorker,
    DeliverTwice,
    Fail,
    Fault,
    Place,
    TimeOut,
    shown,
)
from tasker_core.testing.handlers import HandlerLike, StepHandlers
from tasker_core.testing.result import StepResult, TaskResult, task_result
from tasker_core.types import StepHandlerCallResult

MICROSECOND = timedelta(microseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class WorkflowTest:
    """Runs tasks of one template, one after another, each on an engine and a clock of its own.

    The handlers are called in the test's thread, one at a time, as a worker calls them. While one
    runs the clock stands still; between them it goes on by itself to whatever comes next, be it a
    back-off of a month. What goes wrong is said beforehand (`fail_attempt`, `time_out`,
    `crash_worker`, `crash_engine`, `deliver_twice`) and holds for the next run.
    """

    def __init__(
        self,
        template: str | Path,
        handlers: Mapping[str, HandlerLike] | None = None,
        *,
        environment: str = "test",
        seed: int = 0,
    ) -> None:
        """Reads and checks the template, and finds every handler.

        `template` is a path, or YAML text. `handlers` gives handlers by the name of their step or
        callable: classes, instances or functions of task, sequence and step; the others are found
        as a worker finds them. `environment` is merged into the template, as `TASKER_ENV` is by the
        engine. The random part of back-offs and all ids follow from `seed`.

        Raises InvalidArgumentError with all problems of the template, HandlerNotFoundError, and
        WorkflowTestError when `handlers` names what the template does not have.
        """
        self._options = (*read_template(template), environment, seed)
        self._bench = Bench(*self._options)
        self._handlers = StepHandlers(self._bench.template, handlers or {})
        self._timeouts: dict[str, int | None] = {
            step["name"]: step["timeout_ms"] for step in self._bench.template["steps"]
        }
        self._faults: dict[Place, Fault] = {}
        self._task: str | None = None
        # Attempts that the worker has taken and not run.
        self._queue: deque[dict[str, Any]] = deque()
        # Attempts whose handlers do not end in time: when the worker gives them up.
        self._hanging: dict[AttemptRef, int] = {}
        # Outcomes that come after the engine has given up their attempts.
        self._late: dict[AttemptRef, bytes] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    # Running

    def run(self, context: Any, **fields: Any) -> TaskResult:
        """Creates a task and runs it until it has ended or is blocked.

        `fields` are those of `POST /v1/tasks`, such as `tags` or `priority`. Raises RefusedError
        when the engine would refuse the task: its context breaks the template's `input_schema`.
        """
        self.start(context, **fields)
        return self.run_until_blocked()

    def start(self, context: Any, **fields: Any) -> TaskResult:
        """Creates a task on a new engine, and runs nothing yet."""
        if self._task is not None:
            self._bench = Bench(*self._options)
            self._queue.clear()
            self._hanging.clear()
            self._late.clear()
        self._task = self._bench.create(context, fields)
        self._receive()
        return self.result

    def run_until_blocked(self) -> TaskResult:
        """Goes on until the task has ended or is blocked, over every back-off and time-out."""
        while self._go_on(until=None) is not None:
            pass
        result = self.result
        if self._faults and result.status != "blocked_by_failures":
            faults, self._faults = self._faults, {}
            raise WorkflowTestError(
                f"the task ended without what was to go wrong: {shown(faults)}\n{result!r}"
            )
        return result

    def step(self) -> StepResult | None:
        """Makes the next attempt, moving the clock to it; None when there is none to come."""
        step_name = self._go_on(until=None)
        return None if step_name is None else self.result[step_name]

    def advance(self, duration: timedelta) -> TaskResult:
        """Lets time pass, and makes every attempt that falls into it."""
        until = self._bench.now + duration // MICROSECOND
        while self._go_on(until) is not None:
            pass
        return self.result

    @property
    def result(self) -> TaskResult:
        """The task as it is now."""
        return task_result(*self._bench.show(self._started()))

    @property
    def now(self) -> datetime:
        """What the clock shows, in UTC; a run begins at 2026-01-01 00:00."""
        return EPOCH + self._bench.now * MICROSECOND

    # What goes wrong at an attempt of the next run

    def fail_attempt(
        self, step: str, attempt: int = 1, *, error: BaseException | StepHandlerCallResult
    ) -> None:
        """This attempt fails with the error, raised or returned; its handler is not called."""
        self._plan(step, attempt, Fail(error))

    def time_out(self, step: str, attempt: int = 1, *, late: bool = False) -> None:
        """This attempt's handler is called and ends only after the step's `timeout_seconds`.

        `late`: the worker is frozen meanwhile, and the handler's outcome comes after the engine has
        given the attempt up.
        """
        if self._timeout_of(step) is None:
            raise WorkflowTestError(f"the step {step} has no `timeout_seconds` in the template")
        self._plan(step, attempt, TimeOut(late))

    def crash_worker(
        self, *, before: str | None = None, after: str | None = None, attempt: int = 1
    ) -> None:
        """The worker's process dies, and another takes its place; what it held is lost.

        `before`: when it is about to call this step's handler; `after`: when the handler has run
        and its outcome was not sent. Without either: now, between two steps.
        """
        place = _one_of(before, after)
        if place is None:
            self._crash_worker()
        else:
            self._plan(place, attempt, CrashWorker(after=after is not None))

    def crash_engine(
        self,
        *,
        before: str | None = None,
        after: str | None = None,
        attempt: int = 1,
        committed: bool = False,
    ) -> None:
        """The engine's process dies, and another recovers what it had committed.

        `before`: while the worker is about to call this step's handler; `after`: when the outcome
        has just arrived, so that the worker sends it again; with `committed` it was durable already
        and only nobody told so. Without either: now, between two steps.
        """
        place = _one_of(before, after)
        if place is None:
            self._started()
            self._bench.crash_engine()
            self._receive()
        else:
            self._plan(place, attempt, CrashEngine(after is not None, committed))

    def deliver_twice(self, step: str, attempt: int = 1) -> None:
        """The outcome of this attempt arrives twice."""
        self._plan(step, attempt, DeliverTwice())

    # What people do to the task

    def cancel(self) -> TaskResult:
        """Cancels the task. RefusedError when it has ended."""
        self._bench.cancel(self._started())
        self._receive()
        return self.result

    def _started(self) -> str:
        if self._task is None:
            raise WorkflowTestError("no task was started: call `start` or `run` first")
        return self._task

    def _timeout_of(self, step: str) -> int | None:
        self._require_step(step)
        return self._timeouts.get(step, self._timeouts.get(step.rpartition("_")[0]))

    def _require_step(self, step: str) -> None:
        if not self._handlers.is_step(step):
            raise WorkflowTestError(
                f"the template has no step {step!r}; it has {', '.join(self._timeouts)}"
            )

    def _plan(self, step: str, attempt: int, fault: Fault) -> None:
        self._require_step(step)
        planned = self._faults.setdefault((step, attempt), fault)
        if planned is not fault:
            raise WorkflowTestError(
                f"attempt {attempt} of {step} has a fault already: {type(planned).__name__}"
            )

    def _go_on(self, until: int | None) -> str | None:
        """Makes the next attempt and gives its step's name; None when there is none up to then."""
        self._started()
        while not self._queue:
            times = [*self._hanging.values(), *([self._bench.next] if self._bench.next else [])]
            due = min(times, default=None)
            idle = self._bench.settled and not self._hanging and not self._late
            if until is None and (idle or due is None):
                return None
            if until is not None and (due is None or due > until):
                self._bench.advance(until)
                return None
            assert due is not None
            self._bench.advance(due)
            self._expire()
            self._receive()
        return self._make(self._queue.popleft())

    def _expire(self) -> None:
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
            message = self._bench.messages.pop(0)
            if "dispatch" in message:
                self._queue.append(message["dispatch"])
            elif "cancel" in message:
                self._give_up(AttemptRef.of(message["cancel"]))

    def _give_up(self, ref: AttemptRef) -> None:
        """The engine has ended an attempt: it is not run any more, and a late outcome is sent."""
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
                self._crash_worker()
                return step_name
            case CrashEngine(after=False):
                self._bench.crash_engine()
                self._receive()
        ended = fault.outcome(ref) if isinstance(fault, Fail) else self._call(dispatch)
        match fault:
            case CrashWorker():
                self._crash_worker()
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

    def _call(self, dispatch: dict[str, Any]) -> bytes:
        """Calls the handler as a worker does, and gives the outcome."""
        attempt = prepare(self._handlers.of(dispatch["step_name"]), dispatch)
        if isinstance(attempt, bytes):
            return attempt
        if not attempt.is_async:
            return invoke(attempt)
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            weakref.finalize(self, self._loop.close)
        return self._loop.run_until_complete(invoke_async(attempt))

    def _crash_worker(self) -> None:
        self._started()
        self._queue.clear()
        self._hanging.clear()
        self._late.clear()
        self._bench.crash_worker()
        self._receive()


def _one_of(before: str | None, after: str | None) -> str | None:
    if before is not None and after is not None:
        raise WorkflowTestError("give `before` or `after`, not both")
    return after if before is None else before
