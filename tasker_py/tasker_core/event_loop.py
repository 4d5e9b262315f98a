"""The event loop that async handlers share, on a thread of its own, and the watch over it."""

import asyncio
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable

from tasker_core.forks import leave_if_forked
from tasker_core.own_logger import own_logger

logger = own_logger(__name__)

BLOCKED_AFTER_SECONDS = 1.0


class HandlerLoop:
    """Runs coroutines; reports a handler that keeps the loop from turning for over a second."""

    def __init__(self, on_delay: Callable[[float], None]) -> None:
        """`on_delay` is told how long the loop took to turn, in seconds, at most once a second."""
        self.loop = asyncio.new_event_loop()
        self._on_delay = on_delay
        self._process = os.getpid()
        self._thread = threading.Thread(target=self._run, name="tasker-handler-loop", daemon=True)
        os.register_at_fork(after_in_child=self._stop_in_fork)
        self._thread.start()
        # Both are monotonic seconds: when the loop was last asked to turn, and the question it last
        # answered.
        self._asked = float("-inf")
        self._answered = float("-inf")
        self._reported = False

    def call(self, callback: Callable[[], None]) -> None:
        """Runs the callback on the loop's thread, soon."""
        self.loop.call_soon_threadsafe(callback)

    def watch(self, now: float) -> None:
        """Logs, once, a handler that blocks the loop.

        To be called every second or so while handlers run.
        """
        if now - self._asked < BLOCKED_AFTER_SECONDS:
            return
        if self._answered == self._asked:
            self._asked = now
            self._reported = False
            self.loop.call_soon_threadsafe(self._answer, now)
        elif not self._reported:
            self._reported = True
            task = asyncio.current_task(self.loop)
            frame = sys._current_frames().get(self._thread.ident or 0)
            logger.warning(
                "the handler %s has blocked the async handlers' event loop for over %.0f s:\n%s",
                task.get_name() if task else "(unknown)",
                now - self._asked,
                "".join(traceback.format_stack(frame)),
            )

    def _answer(self, asked: float) -> None:
        self._answered = asked
        self._on_delay(time.monotonic() - asked)

    def _run(self) -> None:
        while True:
            try:
                self.loop.run_forever()
            except BaseException as error:
                # SystemExit and KeyboardInterrupt of a task that a handler has started; asyncio
                # passes them on, and the other handlers are not to suffer for it.
                logger.error(
                    "a task of an async handler raised %r, which would end the event loop",
                    error,
                    exc_info=error,
                )
            leave_if_forked(self._process, "(an async one)")

    def _stop_in_fork(self) -> None:
        """Keeps a forked process from running what other handlers have to do next."""
        self.loop.stop()
        ready = getattr(self.loop, "_ready", None)
        if ready is not None:
            ready.clear()
