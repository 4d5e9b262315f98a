"""What handlers print becomes lines of the log, with the ids of the attempt that printed them."""

import io
import logging
import sys
import threading
import weakref
from collections.abc import Callable, Iterable
from typing import Any, TextIO, cast

from tasker_core.attempt_log import MAX_LINE, AttemptLog, current_log


def install(emit: Callable[[logging.LogRecord], object]) -> None:
    """Puts captured streams in the place of `sys.stdout` and `sys.stderr`.

    `emit` writes a record to the process's log; it must not print.
    """
    sys.stdout = cast("TextIO", CapturedStream("stdout", sys.stdout, emit))
    sys.stderr = cast("TextIO", CapturedStream("stderr", sys.stderr, emit))


def uninstall() -> None:
    """Logs the lines that were not finished and puts the original streams back."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, CapturedStream):
            setattr(sys, name, stream.original)
            stream.finish()


class CapturedStream(io.TextIOBase):
    """A text stream that logs each line, at level INFO, whatever the log's level is.

    What was written since the last line break waits for the rest of its line: till the end of the
    attempt, or of the thread where no attempt is bound; till it is too long for a line at most.
    """

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(
        self, name: str, original: TextIO, emit: Callable[[logging.LogRecord], object]
    ) -> None:
        self.name = name
        self.original = original
        self.buffer = _Bytes(self)
        self._emit = emit
        self._own = threading.local()
        self._threads: weakref.WeakSet[_ThreadText] = weakref.WeakSet()

    def write(self, text: str) -> int:
        log = current_log.get()
        if log is None:
            self._write_unbound(text)
        else:
            with log.lock:
                lines, rest = _split(log.unfinished.pop(self, None), text)
                if rest is not None:
                    log.unfinished[self] = rest
            for line in lines:
                self.line(line, log)
        return len(text)

    def line(self, text: str, log: AttemptLog | None) -> None:
        """Logs a line, as the attempt's if there is one."""
        record = logging.LogRecord(self.name, logging.INFO, "", 0, text, None, None)
        if log is not None:
            log.bind(record)
            log.add(record)
        self._emit(record)

    def finish(self) -> None:
        """Logs what threads without an attempt have written since their last line break."""
        for text in list(self._threads):
            text.finish()

    def _write_unbound(self, text: str) -> None:
        own: _ThreadText | None = getattr(self._own, "text", None)
        if own is None:
            own = self._own.text = _ThreadText(self)
            self._threads.add(own)
        lines, own.unfinished = _split(own.unfinished, text)
        for line in lines:
            self.line(line, None)

    def writelines(self, lines: Iterable[str], /) -> None:  # type: ignore[override]
        for line in lines:
            self.write(line)

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self.original.isatty()

    def fileno(self) -> int:
        return self.original.fileno()

    def reconfigure(self, **_options: Any) -> None:
        """As for `sys.stdout`; lines are logged as they are in any case."""


class _ThreadText:
    """The beginning of a thread's line, which is logged when the thread ends."""

    def __init__(self, stream: CapturedStream) -> None:
        self.unfinished: str | None = None
        self._stream = stream

    def finish(self) -> None:
        text, self.unfinished = self.unfinished, None
        if text:
            self._stream.line(text, None)

    def __del__(self) -> None:
        self.finish()


class _Bytes(io.BufferedIOBase):
    """`sys.stdout.buffer`: bytes are taken for UTF-8."""

    def __init__(self, stream: CapturedStream) -> None:
        self._stream = weakref.ref(stream)

    def write(self, data: Any, /) -> int:
        stream = self._stream()
        if stream is not None:
            stream.write(bytes(data).decode("utf-8", "backslashreplace"))
        return len(data)

    def writable(self) -> bool:
        return True


def _split(begun: str | None, text: str) -> tuple[list[str], str | None]:
    """The lines that `text` ends, and what is begun after it.

    Both beginnings are None at the start of a line, and "" after a piece of a long line.
    """
    first, *more = text.split("\n")
    rest = (begun or "") + first
    if not more:
        if len(rest) < MAX_LINE:
            return [], rest if rest else begun
        return [rest], ""
    # The break after the last piece of a long line is no line of its own.
    lines = [rest] if rest or begun is None else []
    *whole, rest = more
    lines += whole
    if len(rest) < MAX_LINE:
        return lines, rest or None
    return [*lines, rest], ""
