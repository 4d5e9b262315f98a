"""What all handlers of a process share, such as where `logging` writes to: what one of them changes
is put back before the next attempt.

What modules set while they are imported counts as set for the process, and stays.
"""

import logging
import sys
from collections.abc import Hashable

from tasker_core.own_logger import OwnLogger, own_logger

logger = own_logger(__name__)


class SharedSettings:
    """The settings as they are when this is made.

    The streams are put back only when every attempt that may have replaced them has ended: a
    `redirect_stdout` has its own way back, and what is written meanwhile is wanted elsewhere.
    """

    def __init__(self) -> None:
        OwnLogger.disabled_by = None
        root = self._root = logging.getLogger()
        self._handlers = root.handlers[:]
        self._level = root.level
        self._threshold = root.manager.disable
        self._disabled = {other.name for other in _loggers() if other.disabled}
        self._stdout, self._stderr = sys.stdout, sys.stderr
        self._running: set[Hashable] = set()
        # Those that ran when the streams were first found replaced.
        self._suspects: set[Hashable] | None = None
        self._told: set[str] = set()

    def begin(self, attempt: Hashable) -> None:
        """Puts back what is not as it was; an attempt begins."""
        root = self._root
        if OwnLogger.disabled_by is not None:
            self._enable_loggers(OwnLogger.disabled_by)
        if root.handlers != self._handlers:
            for handler in self._handlers:
                if handler not in root.handlers:
                    root.addHandler(handler)
                    self._tell("a handler removed handlers of the root logger")
        if root.level != self._level:
            root.setLevel(self._level)
            self._tell("a handler changed the level of the root logger")
        if root.manager.disable != self._threshold:
            logging.disable(self._threshold)
            self._tell("a handler called logging.disable")
        if sys.stdout is not self._stdout or sys.stderr is not self._stderr:
            self._streams_replaced()
        elif self._suspects is not None:
            self._suspects = None
        self._running.add(attempt)

    def end(self, attempt: Hashable) -> None:
        """The attempt's handler has ended."""
        self._running.discard(attempt)

    def _streams_replaced(self) -> None:
        # A name of its own: another thread may put the streams back meanwhile.
        suspects = self._suspects
        if suspects is None:
            suspects = self._suspects = set(self._running)
        if suspects.isdisjoint(self._running):
            sys.stdout, sys.stderr = self._stdout, self._stderr
            self._suspects = None
            self._tell("a handler replaced sys.stdout or sys.stderr")

    def _enable_loggers(self, by: str) -> None:
        OwnLogger.disabled_by = None
        for other in _loggers():
            if other.name not in self._disabled:
                other.disabled = False
        self._tell(f"logging was configured by {by}, with disable_existing_loggers")

    def _tell(self, what: str) -> None:
        """Once a worker."""
        if what not in self._told:
            self._told.add(what)
            logger.warning(
                "%s, which all handlers of the worker share: it is put back before the next "
                "attempt. What a module sets while it is imported stays",
                what,
            )


def _loggers() -> list[logging.Logger]:
    known = logging.getLogger().manager.loggerDict
    return [other for other in list(known.values()) if isinstance(other, logging.Logger)]


active: SharedSettings | None = None
"""The settings that a worker keeps; None where none runs, as in tests of workflows."""
