"""The event loop that async handlers share, on a thread of its own, and the watch over it."""

import asyncio
import logging
import sys
import threading
import traceback
from collections.abc import Callable

logger = logging.getLogger(__name__)

BLOCKED_AFTER_SECONDS = 1.0


class HandlerLoop:
    """Runs coroutines; reports a handler that keeps the loop from turning for over a second."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self.loop.run_forever, name="tasker-handler-loop", daemon=True
        )
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
