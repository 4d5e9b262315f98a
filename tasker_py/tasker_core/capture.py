"""What handlers print becomes lines of the log, with the ids of the attempt that printed them."""

import codecs
import contextlib
import io
import logging
import os
import sys
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator
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


_silence = threading.local()


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """What this thread writes meanwhile is not logged: it is of a record that has been."""
    _silence.is_on = True
    try:
        yield
    finally:
        _silence.is_on = False


def _let_go_in_fork() -> None:
    """Lets a forked process write to the process's own streams, as a subprocess does.

    The lines that were begun are the worker's to finish.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, CapturedStream):
            setattr(sys, name, stream.original)
            stream.is_forked = True


os.register_at_fork(after_in_child=_let_go_in_fork)


class CapturedStream(io.TextIOBase):
    """A text stream that logs each line, at level INFO, whatever the log's level is.

    What was written since the last line break waits for the rest of its line: till the end of the
    attempt, or of the thread where no attempt is bound; till it is too long for a line at most. Of
    a line that was written over, as progress bars do, only the last state is logged.
    """

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(
        self, name: str, original: TextIO, emit: Callable[[logging.LogRecord], object]
    ) -> None:
        self.name = name
        self.original = original
        self.is_forked = False
        """Whether this is a copy in a forked process, for those who still hold it."""
        self.buffer = _Bytes(self)
        self._emit = emit
        self._own = threading.local()
        self._threads: weakref.WeakSet[_ThreadsLine] = weakref.WeakSet()

    def write(self, text: str) -> int:
        if self.is_forked:
            return self.original.write(text)
        self._add(lambda begun: begun.add(text))
        return len(text)

    def write_bytes(self, data: bytes) -> None:
        """Takes UTF-8, in whatever pieces."""
        if self.is_forked:
            self.original.buffer.write(data)
        else:
            self._add(lambda begun: begun.add_bytes(data))

    def _add(self, add: "Callable[[_BegunLine], list[str]]") -> None:
        if getattr(_silence, "is_on", False):
            return
        log = current_log.get()
        if log is None:
            lines = add(self._begun_by_thread())
        else:
            with log.lock:
                begun = log.unfinished.get(self)
                if not isinstance(begun, _BegunLine):
                    begun = log.unfinished[self] = _BegunLine(self)
                lines = add(begun)
        for line in lines:
            self.line(line, log)

    def line(self, text: str, log: AttemptLog | None) -> None:
        """Logs a line, as the attempt's if there is one."""
        record = logging.LogRecord(self.name, logging.INFO, "", 0, text, None, None)
        if log is not None:
            log.bind(record)
            log.add(record)
        self._emit(record)

    def finish(self) -> None:
        """Logs what threads without an attempt have written since their last line break."""
        for begun in list(self._threads):
            begun.finish(None)

    def _begun_by_thread(self) -> "_ThreadsLine":
        own: _ThreadsLine | None = getattr(self._own, "begun", None)
        if own is None:
            own = self._own.begun = _ThreadsLine(self)
            self._threads.add(own)
        return own

    def writelines(self, lines: Iterable[str], /) -> None:  # type: ignore[override]
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self.is_forked:
            self.original.flush()

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self.original.isatty()

    def fileno(self) -> int:
        return self.original.fileno()

    def reconfigure(self, **_options: Any) -> None:
        """As for `sys.stdout`; lines are logged as they are in any case."""


class _BegunLine:
    """The beginning of a line."""

    def __init__(self, stream: CapturedStream) -> None:
        self._stream = stream
        # None at the start of a line, "" after a piece of a long line.
        self._text: str | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")

    def add_bytes(self, data: bytes) -> list[str]:
        """The lines that the bytes end; a character may come in pieces."""
        return self.add(self._decoder.decode(data))

    def add(self, text: str) -> list[str]:
        """The lines that `text` ends; what it begins is kept."""
        first, *more = text.split("\n")
        rest = (self._text or "") + first
        lines: list[str] = []
        if more:
            # The break after the last piece of a long line is no line of its own.
            lines = [_shown(rest)] if rest or self._text is None else []
            *whole, rest = more
            lines += map(_shown, whole)
            self._text = None
        if "\r" in rest:
            # What comes next may be the other half of a line break.
            rest = _shown(rest) + ("\r" if rest.endswith("\r") else "")
        if len(rest) >= MAX_LINE:
            self._text = ""
            return [*lines, _shown(rest)]
        if rest:
            self._text = rest
        return lines

    def finish(self, log: AttemptLog | None) -> None:
        """Logs what there is of the line."""
        text = (self._text or "") + self._decoder.decode(b"", final=True)
        self._text = None
        # A bar that clears itself leaves blanks.
        if (shown := _shown(text)).strip():
            self._stream.line(shown, log)


class _ThreadsLine(_BegunLine):
    """The beginning of a thread's line, which is logged when the thread ends."""

    def __init__(self, stream: CapturedStream) -> None:
        super().__init__(stream)
        self._process = os.getpid()

    def __del__(self) -> None:
        # Not in a forked process, where all threads but one are gone: theirs is the worker's.
        if os.getpid() == self._process:
            self.finish(None)


class _Bytes(io.BufferedIOBase):
    """`sys.stdout.buffer`: bytes are taken for UTF-8."""

    def __init__(self, stream: CapturedStream) -> None:
        self._stream = weakref.ref(stream)

    def write(self, data: Any, /) -> int:
        stream = self._stream()
        if stream is not None:
            stream.write_bytes(bytes(data))
        return len(data)

    def writable(self) -> bool:
        return True


def _shown(line: str) -> str:
    """What a terminal would show of a line in the end: what stands behind its last return."""
    return line.rstrip("\r").rpartition("\r")[2]
