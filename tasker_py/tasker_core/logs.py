"""Logging of the worker: one line a record on stderr, with the ids of the attempt it belongs to."""

import contextlib
import json
import logging
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from tasker_core import capture
from tasker_core.attempt_log import ID_FIELDS, current_log, message_of
from tasker_core.own_logger import OwnLogger

Format = Literal["console", "json"]

# What a record has that nobody added, so that the rest is what `extra` brought.
_OWN_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_make_record = logging.Logger.makeRecord


class StepLogger(logging.LoggerAdapter[logging.Logger]):
    """Binds an attempt's ids to records, beside whatever `extra` the handler gives."""

    def __init__(self, logger: logging.Logger, ids: Mapping[str, object]) -> None:
        super().__init__(logger, ids)
        self._ids = ids

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        kwargs["extra"] = {**(kwargs.get("extra") or {}), **self._ids}
        return msg, kwargs


class LineFormatter(logging.Formatter):
    """Time, level, logger, message and ids; further lines of it, such as a traceback's, indented.

    So nothing that is logged can pass for a record of its own.
    """

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record).replace("\r", "\\r")
        line, *further = text.split("\n")
        ids = [f"{name}={getattr(record, name)}" for name in ID_FIELDS if hasattr(record, name)]
        if ids:
            line += f" [{' '.join(ids)}]"
        return "\n    ".join([line, *further])


class JsonFormatter(logging.Formatter):
    """A JSON object a record: timestamp, level, logger, message, and whatever `extra` brought."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        fields = {
            "timestamp": at,
            "level": record.levelname,
            "logger": record.name,
            "message": message_of(record),
        }
        added = {name: value for name, value in vars(record).items() if name not in _OWN_FIELDS}
        return json.dumps({**added, **fields}, default=str, skipkeys=True)


class _ProcessLog(logging.StreamHandler[TextIO]):
    """Writes records to the stream that it was given, in any case."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        # Not to sys.stderr, as the base class does: what is printed there comes back here.
        with contextlib.suppress(OSError, ValueError):
            traceback.print_exc(file=self.stream)


def configure(level: str, form: Format, stream: TextIO | None = None) -> None:
    """Sends every record of at least `level` to stderr, and what is printed too.

    While a handler runs, each record that is made gets its attempt's ids, on whatever logger.
    """
    handler = _ProcessLog(stream or sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else LineFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    # Of its own, whatever becomes of the root's.
    logging.getLogger("tasker_core").setLevel(level)
    OwnLogger.process_log = handler
    if logging.getLogger().level > logging.DEBUG:
        # It logs each request that a handler's client makes.
        logging.getLogger("httpx").setLevel(logging.WARNING)
    capture.install(handler.handle)
    bind_attempts()


def shut_down() -> None:
    """Writes what was printed without the end of its line, and closes the log."""
    capture.uninstall()
    logging.shutdown()


def bind_attempts() -> None:
    """Binds records that are made from here on to the attempt that makes them."""
    logging.Logger.makeRecord = _make_bound_record  # type: ignore[method-assign]


def unbind_attempts() -> None:
    """Undoes `bind_attempts`."""
    logging.Logger.makeRecord = _make_record  # type: ignore[method-assign]


@contextlib.contextmanager
def attempts_bound() -> Iterator[None]:
    """Binds the records that are made within, and leaves everything as it was."""
    before = logging.Logger.makeRecord
    bind_attempts()
    try:
        yield
    finally:
        logging.Logger.makeRecord = before  # type: ignore[method-assign]


def _make_bound_record(self: logging.Logger, *args: Any, **kwargs: Any) -> logging.LogRecord:
    # Neither a record factory nor a filter will do: with the one, `extra` that has a name of ours
    # is a KeyError; the other misses the handlers that are not at the root.
    record = _make_record(self, *args, **kwargs)
    log = current_log.get()
    if log is not None:
        log.bind(record)
        log.add(record)
    return record
