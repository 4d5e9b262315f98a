"""Logging of the worker: one line a record on stderr, with the ids of the attempt it belongs to."""

import logging
import sys
import time
from collections.abc import Mapping, MutableMapping
from typing import Any

ID_FIELDS = ("task_uuid", "step_uuid", "step_name", "attempt", "correlation_id")


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
    """Time, level, logger, message and ids on one line: line breaks are escaped."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        ids = [f"{name}={getattr(record, name)}" for name in ID_FIELDS if hasattr(record, name)]
        if ids:
            line += f" [{' '.join(ids)}]"
        return line.replace("\r", "\\r").replace("\n", "\\n")


def configure(level: str) -> None:
    """Sends every record of at least `level` to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
