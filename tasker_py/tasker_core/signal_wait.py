"""Waiting on the main thread in such a way that no signal is slept through."""

import contextlib
import select
import signal
import socket
import threading


class SignalWait:
    """What the main thread waits in, under `with`, until another thread calls `wake`.

    A lock, an event and a join sleep through a signal that comes just before they begin to wait,
    or that the kernel gives to another thread, as it does while the main one is being continued
    after a SIGSTOP. Here each signal ends a wait, and its handler runs at once.
    """

    def __init__(self) -> None:
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        # Only there do handlers of signals run.
        self._is_main = threading.current_thread() is threading.main_thread()
        self._before = -1

    def __enter__(self) -> "SignalWait":
        if self._is_main:
            self._before = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_main:
            signal.set_wakeup_fd(self._before)
        self._writer.close()
        self._reader.close()

    def wake(self) -> None:
        """Ends a wait, or the next one if there is none. From any thread."""
        # Full: there is enough to end a wait. Closed: nobody waits any more.
        with contextlib.suppress(OSError):
            self._writer.send(b"\0")

    def wait(self, seconds: float | None = None) -> None:
        """Waits for `wake`, a signal or so many seconds; may also end for no reason."""
        select.select([self._reader], [], [], seconds)
        with contextlib.suppress(BlockingIOError):
            self._reader.recv(4096)
