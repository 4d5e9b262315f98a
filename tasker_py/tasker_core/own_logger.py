"""The loggers of this package, which no configuration of `logging` silences.

Handlers bring libraries, and libraries bring configurations for the whole process.
"""

import logging
import sys
from typing import ClassVar

from tasker_core import capture


class OwnLogger(logging.Logger):
    """Logs what its own level lets through: it cannot be disabled, and needs no root handler."""

    process_log: ClassVar[logging.Handler | None] = None
    """The worker's log, once it is configured: it gets the records in any case."""
    disabled_by: ClassVar[str | None] = None
    """Where the configuration was made that disabled the loggers that there were, if one did."""

    @property
    def disabled(self) -> bool:
        """Never."""
        return False

    @disabled.setter
    def disabled(self, value: bool) -> None:
        if value:
            OwnLogger.disabled_by = _caller()

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802
        # Without `logging.disable`, and without the cache of what it has made of a level.
        return level >= self.getEffectiveLevel()

    def handle(self, record: logging.LogRecord) -> None:
        try:
            super().handle(record)
        except Exception:
            # Of a handler or filter of the user's: it costs a worker no outcome, and not its end.
            if OwnLogger.process_log is None:
                raise
            OwnLogger.process_log.handleError(record)

    def callHandlers(self, record: logging.LogRecord) -> None:  # noqa: N802
        log = OwnLogger.process_log
        if log is None:
            super().callHandlers(record)
            return
        if log not in logging.getLogger().handlers:
            log.handle(record)
        # Without any handler the base class would write to stderr, from where it comes back, as
        # does what one of the user's writes there.
        if self.hasHandlers():
            with capture.silenced():
                super().callHandlers(record)


def own_logger(name: str) -> logging.Logger:
    """The logger of this name, below `tasker_core`, made one that is not silenced."""
    logger = logging.getLogger(name)
    # In `logging`'s list like any other, so that its level can be set by its name.
    logger.__class__ = OwnLogger
    return logger


def _caller() -> str:
    """Who has called `logging`, as file:line."""
    frame = sys._getframe(2)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] == "logging":
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
