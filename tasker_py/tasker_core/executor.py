"""Runs the attempts that the engine sends: sync handlers on threads, async ones on a loop."""

import asyncio
import contextlib
import inspect
import logging
import threading
import time
from collections import deque
from typing import Any, Protocol

from tasker_core import outcome
from tasker_core.dispatch import NESTED_TOO_DEEPLY, AttemptRef, arguments, read_messages
from tasker_core.errors import WorkerStoppedError
from tasker_core.event_loop import HandlerLoop
from tasker_core.registry import Handler, HandlerRegistry
from tasker_core.threads import ThreadPool
from tasker_core.types import Sequence, Step, Task

logger = logging.getLogger(__name__)

MAX_WAIT_SECONDS = 60.0
WATCH_SECONDS = 1.0


class Session(Protocol):
    """The part of the native worker that the executor uses; every call may come from any thread."""

    def next(self, timeout_ms: int) -> str:
        """Waits for messages: a JSON array.

        Raises WorkerStoppedError when there is nothing more to come.
        """

    def complete(self, outcomes: bytes) -> None:
        """Hands over outcome messages, a JSON array; does not block."""

    def set_slots(self, slots: int) -> None:
        """Says how many attempts will be held from now on; does not block."""


class Attempt:
    """An attempt that was given to a handler."""

    __slots__ = (
        "callable",
        "deadline",
        "handler",
        "is_async",
        "method",
        "ref",
        "sequence",
        "step",
        "task",
        "work",
    )

    def __init__(self, dispatch: dict[str, Any], handler: Handler, now: float) -> None:
        self.ref = AttemptRef.of(dispatch)
        self.task: Task
        self.sequence: Sequence
        self.step: Step
        self.task, self.sequence, self.step = arguments(dispatch)
        self.callable: str = dispatch["callable"]
        self.handler = handler
        self.method: str = dispatch["method"]
        self.is_async = inspect.iscoroutinefunction(getattr(handler, self.method))
        timeout_ms: int | None = dispatch.get("timeout_ms")
        # Monotonic seconds; infinity without a time limit.
        self.deadline = float("inf") if timeout_ms is None else now + timeout_ms / 1000
        # The asyncio task of an async handler, once it was started; touched on the loop's thread
        # only.
        self.work: asyncio.Task[None] | None = None

    def call(self) -> Any:
        """Calls the handler: its result, or the coroutine that leads to it."""
        handler = self.handler()
        handler.prepare(self.step)
        return getattr(handler, self.method)(self.task, self.sequence, self.step)

    def cancel(self) -> None:
        """Cancels an async handler. To be called on the loop's thread."""
        if self.work is not None:
            self.work.cancel()


class Executor:
    """One thread, in `run`, hands messages out; the handlers' threads give outcomes back.

    An attempt is in `_live` until its outcome is decided, which happens once: by its handler's end
    or by its time limit. After a time-out it is in `_overdue` until the handler really ends, and
    one slot fewer is offered meanwhile.
    """

    def __init__(self, session: Session, registry: HandlerRegistry, slots: int) -> None:
        self._session = session
        self._registry = registry
        self._slots = slots
        self._threads: ThreadPool[Attempt] = ThreadPool("tasker-handler", self._run_sync)
        # Made when the first async handler is called; used by the thread of `run` alone.
        self._loop: HandlerLoop | None = None
        # Guards `_live`, `_overdue` and the number of slots that was offered last.
        self._lock = threading.Lock()
        self._live: dict[AttemptRef, Attempt] = {}
        self._overdue: set[AttemptRef] = set()
        # No live attempt has an earlier deadline; used by the thread of `run` alone.
        self._next_deadline = float("inf")
        # Outcomes on their way; whoever holds `_sending` sends all that are there.
        self._outcomes: deque[bytes] = deque()
        self._sending = threading.Lock()
        # Whether a flush is scheduled on the event loop; touched on the loop's thread only.
        self._flush_scheduled = False

    def run(self) -> None:
        """Takes and hands out messages until the session has stopped."""
        while True:
            try:
                text = self._session.next(self._patience_ms())
            except WorkerStoppedError:
                return
            self._take(text)
            now = time.monotonic()
            if now >= self._next_deadline:
                self._expire(now)
            if self._loop is not None and self._live:
                self._loop.watch(now)

    def held(self) -> list[str]:
        """The callables whose handlers are still running."""
        with self._lock:
            return sorted(attempt.callable for attempt in self._live.values())

    def _patience_ms(self) -> int:
        seconds = min(MAX_WAIT_SECONDS, self._next_deadline - time.monotonic())
        if self._loop is not None and self._live:
            seconds = min(seconds, WATCH_SECONDS)
        return max(0, int(seconds * 1000) + 1)

    def _take(self, text: str) -> None:
        to_loop: list[Attempt] = []
        for message in read_messages(text):
            if "dispatch" in message:
                attempt = self._accept(message["dispatch"])
                if attempt is None:
                    continue
                if attempt.is_async:
                    to_loop.append(attempt)
                else:
                    self._start_thread(attempt)
            elif "cancel" in message:
                self._cancel(AttemptRef.of(message["cancel"]))
            else:
                logger.warning("a message of a kind this version does not know: %s", list(message))
        if to_loop:
            if self._loop is None:
                self._loop = HandlerLoop()
            self._loop.call(lambda: self._start_async(to_loop))
        self._send()

    def _accept(self, dispatch: dict[str, Any]) -> Attempt | None:
        """Makes the attempt, or its failure when it cannot be given to a handler."""
        ref = AttemptRef.of(dispatch)
        try:
            handler = self._registry.resolve(dispatch["callable"])
        except Exception as error:  # importing a module may raise anything.
            logger.exception("the handler of %s cannot be resolved", dispatch["callable"])
            # Retryable: a worker that has the handler may take the next attempt.
            self._outcomes.append(outcome.of_exception(ref, error))
            return None
        if NESTED_TOO_DEEPLY in dispatch:
            self._outcomes.append(
                outcome.failure(
                    ref,
                    f"the step's {dispatch[NESTED_TOO_DEEPLY]} is nested too deeply for Python",
                    error_type="payload_too_deep",
                    retryable=False,
                )
            )
            return None
        if not callable(getattr(handler, dispatch["method"], None)):
            self._outcomes.append(
                outcome.failure(
                    ref,
                    f"the handler {dispatch['callable']} has no method {dispatch['method']!r}, "
                    "which the template names",
                    error_type="handler_not_found",
                    retryable=False,
                )
            )
            return None
        attempt = Attempt(dispatch, handler, time.monotonic())
        with self._lock:
            self._live[ref] = attempt
        self._next_deadline = min(self._next_deadline, attempt.deadline)
        return attempt

    def _start_thread(self, attempt: Attempt) -> None:
        try:
            self._threads.submit(attempt)
        except RuntimeError as error:
            # The system gives no more threads: as for any lack of resources, a later attempt may
            # succeed.
            self._end(attempt, outcome.of_exception(attempt.ref, error))

    def _run_sync(self, attempt: Attempt) -> None:
        try:
            returned = attempt.call()
        except BaseException as error:  # SystemExit and KeyboardInterrupt are failures too.
            ended = outcome.of_exception(attempt.ref, error)
        else:
            if inspect.iscoroutine(returned):
                returned.close()
            ended = outcome.of_return(attempt.ref, returned)
        self._end(attempt, ended)
        self._send()

    def _start_async(self, attempts: list[Attempt]) -> None:
        loop = asyncio.get_running_loop()
        for attempt in attempts:
            attempt.work = loop.create_task(self._run_async(attempt), name=attempt.callable)

    async def _run_async(self, attempt: Attempt) -> None:
        try:
            returned = await attempt.call()
        except BaseException as error:  # nothing that a handler raises may end the loop.
            ended = outcome.of_exception(attempt.ref, error)
        else:
            ended = outcome.of_return(attempt.ref, returned)
        self._end(attempt, ended)
        # What ends in the same turn of the loop is sent together.
        if not self._flush_scheduled:
            self._flush_scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_scheduled = False
        self._send()

    def _end(self, attempt: Attempt, ended: bytes) -> None:
        """The handler has ended: its outcome counts unless the attempt was given up before."""
        with self._lock:
            if self._live.pop(attempt.ref, None) is not None:
                self._outcomes.append(ended)
            else:
                self._overdue.discard(attempt.ref)
                self._offer_slots()

    def _expire(self, now: float) -> None:
        """Gives up the attempts whose time is over."""
        with self._lock:
            expired = [attempt for attempt in self._live.values() if attempt.deadline <= now]
            for attempt in expired:
                del self._live[attempt.ref]
                self._overdue.add(attempt.ref)
            self._next_deadline = min(
                (attempt.deadline for attempt in self._live.values()), default=float("inf")
            )
            if expired:
                # Before the outcomes, lest the engine fill the slots that are still in use.
                self._offer_slots()
        for attempt in expired:
            self._outcomes.append(
                outcome.failure(
                    attempt.ref,
                    f"the handler {attempt.callable} did not end within its time limit",
                    error_type="timeout",
                    retryable=True,
                )
            )
            self._stop(attempt)
        self._send()

    def _offer_slots(self) -> None:
        """Offers the slots that no overdue handler keeps.

        `_lock` is held, so that the last offer is the right one.
        """
        with contextlib.suppress(WorkerStoppedError):
            self._session.set_slots(self._slots - len(self._overdue))

    def _cancel(self, ref: AttemptRef) -> None:
        with self._lock:
            attempt = self._live.get(ref)
        if attempt is not None:
            self._stop(attempt)

    def _stop(self, attempt: Attempt) -> None:
        attempt.step.cancelled.set()
        if attempt.is_async and self._loop is not None:
            self._loop.call(attempt.cancel)

    def _send(self) -> None:
        """Sends every outcome that is there.

        What another thread adds while it sends goes with its next batch.
        """
        while self._outcomes and self._sending.acquire(blocking=False):
            try:
                batch = []
                while self._outcomes:
                    batch.append(self._outcomes.popleft())
                if batch:
                    self._session.complete(b"[" + b", ".join(batch) + b"]")
            except WorkerStoppedError:
                logger.warning("%d outcomes came after the worker had left its session", len(batch))
            finally:
                self._sending.release()
