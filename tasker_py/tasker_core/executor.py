"""Runs the attempts that the engine sends: sync handlers on threads, async ones on a loop."""

import asyncio
import contextlib
import logging
import threading
import time
from collections import deque
from typing import Any, Protocol

from tasker_core import outcome
from tasker_core.attempt import Attempt, invoke, invoke_async, prepare, with_logs, with_timings
from tasker_core.dispatch import AttemptRef, read_messages
from tasker_core.errors import WorkerStoppedError
from tasker_core.event_loop import HandlerLoop
from tasker_core.fetching import Source
from tasker_core.own_logger import own_logger
from tasker_core.registry import HandlerRegistry
from tasker_core.threads import ThreadPool

logger = own_logger(__name__)

MAX_WAIT_SECONDS = 60.0
WATCH_SECONDS = 1.0


class Session(Source, Protocol):
    """The part of the native worker that the executor uses; every call may come from any thread."""

    def next(self, timeout_ms: int) -> str:
        """Waits for messages: a JSON array.

        Raises WorkerStoppedError when there is nothing more to come.
        """

    def complete(self, outcomes: bytes) -> None:
        """Hands over outcome messages, a JSON array; does not block."""

    def observe(self, observation: str) -> None:
        """Takes a measurement, a JSON object; does not block."""

    def set_slots(self, slots: int) -> None:
        """Says how many attempts will be held from now on; does not block."""


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
                self._loop = HandlerLoop(self._observe_delay)
            self._loop.call(lambda: self._start_async(to_loop))
        self._send()

    def _accept(self, dispatch: dict[str, Any]) -> Attempt | None:
        """Makes the attempt, or its failure when it cannot be given to a handler."""
        attempt = prepare(self._registry, dispatch, source=self._session)
        if isinstance(attempt, bytes):
            self._outcomes.append(with_timings(attempt, dispatch["callable"]))
            return None
        with self._lock:
            self._live[attempt.ref] = attempt
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
            self._end(attempt, invoke(attempt))
        except BaseException as error:  # raised in this thread from outside, after the handler.
            self._end(attempt, outcome.of_exception(attempt.ref, error))
        self._send()

    def _start_async(self, attempts: list[Attempt]) -> None:
        loop = asyncio.get_running_loop()
        for attempt in attempts:
            attempt.work = loop.create_task(self._run_async(attempt), name=attempt.callable)
            if attempt.step.cancelled.is_set():
                attempt.cancel()

    async def _run_async(self, attempt: Attempt) -> None:
        try:
            self._end(attempt, await invoke_async(attempt))
        except BaseException as error:  # no outcome may be lost, and the loop goes on.
            self._end(attempt, outcome.of_exception(attempt.ref, error))
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
            counts = self._live.pop(attempt.ref, None) is not None
            if not counts and attempt.ref in self._overdue:
                self._overdue.remove(attempt.ref)
                self._offer_slots()
        if counts:
            try:
                _log_failure(attempt, ended)
            finally:
                self._outcomes.append(_timed(attempt, ended, attempt.ended))

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
            ended = outcome.failure(
                attempt.ref,
                f"the handler {attempt.callable} did not end within its time limit",
                error_type="timeout",
                retryable=True,
            )
            _log_failure(attempt, ended)
            self._outcomes.append(_timed(attempt, with_logs(attempt, ended), now))
            self._stop(attempt)
        self._send()

    def _observe_delay(self, seconds: float) -> None:
        with contextlib.suppress(WorkerStoppedError):
            self._session.observe(f'{{"event_loop_delay_us": {int(seconds * 1_000_000)}}}')

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


def _log_failure(attempt: Attempt, ended: bytes) -> None:
    """Logs how an attempt failed, with the traceback, if it did: an error when it was the last."""
    error = outcome.failure_in(ended)
    if error is None:
        return
    is_final = not error["retryable"] or attempt.step.is_last_attempt
    logger.log(
        logging.ERROR if is_final else logging.WARNING,
        "attempt %d of %s failed: %s: %s%s",
        attempt.step.attempt,
        attempt.step.step_name,
        error["error_type"],
        error["message"],
        "" if error["backtrace"] is None else "\n" + error["backtrace"].rstrip(),
        extra=attempt.log.ids,
    )


def _timed(attempt: Attempt, ended: bytes, at: float) -> bytes:
    if not attempt.started:
        return with_timings(ended, attempt.callable)
    queued, ran = attempt.started - attempt.arrived, at - attempt.started
    return with_timings(ended, attempt.callable, queued, ran)
