"""One attempt: what its handler is called with, the call, and the outcome that comes of it.

Whoever runs attempts does it in three steps, on whatever thread and loop it likes: `prepare` makes
the attempt of a dispatch, or the outcome of one that no handler can be given; `invoke`, or
`invoke_async` when `is_async` is set, calls the handler and gives the outcome, a message for
`tasker_worker_complete`.
"""

import asyncio
import inspect
import json
import os
import time
from collections.abc import Callable
from contextvars import copy_context
from functools import cache
from typing import Any, cast

from tasker_core import outcome, shared_settings, tracing
from tasker_core.attempt_log import AttemptLog, current_log
from tasker_core.dispatch import NESTED_TOO_DEEPLY, AttemptRef, arguments
from tasker_core.fetching import AncestorResults, Source
from tasker_core.forks import leave_if_forked
from tasker_core.own_logger import own_logger
from tasker_core.registry import Handler, HandlerRegistry

logger = own_logger(__name__)

LetsThrough = Callable[[BaseException], bool]


class Attempt:
    """An attempt that a handler can be given."""

    __slots__ = (
        "arrived",
        "callable",
        "deadline",
        "ended",
        "handler",
        "is_async",
        "log",
        "method",
        "process",
        "ref",
        "sequence",
        "started",
        "step",
        "task",
        "traceparent",
        "work",
    )

    def __init__(
        self,
        ref: AttemptRef,
        dispatch: dict[str, Any],
        handler: Handler,
        now: float,
        source: Source | None,
    ) -> None:
        self.ref = ref
        # Whose attempt it is: one that a handler forks has a copy of it.
        self.process = os.getpid()
        self.callable: str = dispatch["callable"]
        self.handler = handler
        self.method: str = dispatch["method"]
        self.is_async = _is_async(cast("Any", handler), self.method)
        self.log = AttemptLog(dispatch)
        # The W3C trace context that the engine continues, if there is one.
        self.traceparent: str | None = dispatch.get("traceparent")
        timeout_ms: int | None = dispatch.get("timeout_ms")
        # Monotonic seconds, all four; `deadline` is infinity without a time limit, `started` and
        # `ended` are 0 until the handler was called and has come back.
        self.arrived = now
        self.deadline = float("inf") if timeout_ms is None else now + timeout_ms / 1000
        self.started = 0.0
        self.ended = 0.0
        fetch = None
        if source is not None and dispatch.get("omitted"):
            fetch = AncestorResults(source, self.ref, self.deadline)
        self.task, self.sequence, self.step = arguments(dispatch, fetch)
        # The asyncio task of an async handler, for whoever started one.
        self.work: asyncio.Task[None] | None = None

    def cancel(self) -> None:
        """Cancels the asyncio task, soon. To be called on its loop's thread."""
        if self.work is not None:
            # Behind its beginning: one that is cancelled before would end without an outcome.
            asyncio.get_running_loop().call_soon(self.work.cancel)

    def wanted(self) -> frozenset[str]:
        """What the handler may ask for and did not come with the dispatch."""
        names = self.handler.asks_for() if self.method == "call" else None
        omitted = self.sequence.omitted
        return omitted if names is None else omitted.intersection(names)

    def bound(self) -> Callable[..., Any]:
        """The method to call, of a handler that was made for this attempt."""
        handler = self.handler()
        handler.prepare(self.step)
        method: Callable[..., Any] = getattr(handler, self.method)
        return method


def prepare(
    registry: HandlerRegistry,
    dispatch: dict[str, Any],
    now: float | None = None,
    source: Source | None = None,
) -> Attempt | bytes:
    """The attempt of this dispatch, which came at `now` in monotonic seconds.

    `source` is asked for the results that the dispatch leaves out.
    The outcome instead when it cannot be given to a handler.
    """
    ref = AttemptRef.of(dispatch)
    try:
        handler = registry.resolve(dispatch["callable"], dispatch["method"])
    except BaseException as error:  # importing a module may raise anything, SystemExit too.
        logger.exception("the handler of %s cannot be resolved", dispatch["callable"])
        # Retryable: a worker that has the handler may take the next attempt.
        return outcome.of_exception(ref, error)
    if NESTED_TOO_DEEPLY in dispatch:
        return outcome.failure(
            ref,
            f"the step's {dispatch[NESTED_TOO_DEEPLY]} is nested too deeply for Python",
            error_type="payload_too_deep",
            retryable=False,
        )
    return Attempt(ref, dispatch, handler, time.monotonic() if now is None else now, source)


def nothing(_error: BaseException) -> bool:
    """What a worker lets through of all that handlers raise."""
    return False


def invoke(attempt: Attempt, lets_through: LetsThrough = nothing) -> bytes:
    """Calls a sync handler and gives the attempt's outcome, whatever the handler does.

    Context variables that the handler sets are gone with it. Raises what `lets_through` says.
    """
    return copy_context().run(_invoke, attempt, lets_through)


def _invoke(attempt: Attempt, lets_through: LetsThrough) -> bytes:
    spans = None
    try:
        spans = _begin(attempt)
        returned = attempt.bound()(attempt.task, attempt.sequence, attempt.step)
        attempt.ended = time.monotonic()
        if inspect.iscoroutine(returned):
            returned.close()
        # What was returned may raise too, while it is written.
        ended = outcome.of_return(attempt.ref, returned)
    except BaseException as error:  # SystemExit and KeyboardInterrupt are failures too.
        failed = _failed(attempt, spans, error)
        if lets_through(error):
            raise
        return failed
    return _finished(attempt, spans, ended)


async def invoke_async(attempt: Attempt, lets_through: LetsThrough = nothing) -> bytes:
    """Calls an async handler and gives the attempt's outcome, whatever the handler does.

    To be run as a task of its own: it binds the attempt to the task's context. Raises what
    `lets_through` says.
    """
    spans = None
    try:
        spans = _begin(attempt)
        if attempt.sequence.omitted:
            # On a thread: to wait for the engine here would stop all other async handlers.
            await asyncio.to_thread(attempt.sequence.load, attempt.wanted())
        returned = await attempt.bound()(attempt.task, attempt.sequence, attempt.step)
        attempt.ended = time.monotonic()
        ended = outcome.of_return(attempt.ref, returned)
    except BaseException as error:  # nothing that a handler raises may end the loop.
        failed = _failed(attempt, spans, error)
        if lets_through(error):
            raise
        return failed
    return _finished(attempt, spans, ended)


def _begin(attempt: Attempt) -> tracing.AttemptSpans | None:
    """Binds the current context to the attempt."""
    if shared_settings.active is not None:
        shared_settings.active.begin(attempt)
    current_log.set(attempt.log)
    spans = None if tracing.active is None else tracing.active.begin(attempt)
    attempt.started = time.monotonic()
    return spans


def _failed(attempt: Attempt, spans: tracing.AttemptSpans | None, error: BaseException) -> bytes:
    attempt.ended = attempt.ended or time.monotonic()
    return _finished(attempt, spans, outcome.of_exception(attempt.ref, error), error)


def _finished(
    attempt: Attempt,
    spans: tracing.AttemptSpans | None,
    ended: bytes,
    error: BaseException | None = None,
) -> bytes:
    # First: in a forked process nothing here is its own, and the locks may be held for ever.
    leave_if_forked(attempt.process, attempt.callable)
    if shared_settings.active is not None:
        shared_settings.active.end(attempt)
    if spans is not None:
        try:
            spans.end(ended, error)
        except Exception:  # of a span processor of the user's, which is not to cost an outcome.
            logger.exception("the spans of %s cannot be ended", attempt.callable)
    ended = with_logs(attempt, ended)
    # What the worker logs of it from here on, such as how it failed, is no line of the handler's.
    current_log.set(None)
    return ended


def with_logs(attempt: Attempt, ended: bytes) -> bytes:
    """The outcome with the lines that were logged during the attempt."""
    logs = attempt.log.take()
    return ended if logs is None else b'%b, "logs": %b}' % (ended[:-1], logs)


def with_timings(
    ended: bytes, callable_name: str, queued: float | None = None, ran: float | None = None
) -> bytes:
    """The outcome with what the worker's metrics need of it; both times in seconds."""
    times = "".join(
        f', "{name}": {max(0, int(seconds * 1_000_000))}'
        for name, seconds in (("queued_us", queued), ("ran_us", ran))
        if seconds is not None
    )
    timings = f'{{"callable": {json.dumps(callable_name)}{times}}}'
    return b'%b, "timings": %b}' % (ended[:-1], timings.encode())


@cache
def _is_async(handler: Any, method: str) -> bool:
    return inspect.iscoroutinefunction(getattr(handler, method))
