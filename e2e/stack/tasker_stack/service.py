"""One service of the stack: started, asked for its health, sent signals, stopped, its log kept."""

import signal
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from tasker_stack.health import Check

# Every service of the stack ends within this time of its stop signal.
STOP_SECONDS = 10.0
POLL_SECONDS = 0.005
TAIL_LINES = 40


class ServiceError(Exception):
    """A service does not run as it should; the message ends with its log's last lines."""


class StateError(Exception):
    """What was asked for does not fit the service's state."""


@dataclass(frozen=True)
class Changes:
    """What is other than described when a service is started, this time only."""

    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()


NO_CHANGES = Changes()


class Run(Protocol):
    """A service from one start to its end.

    Its exit status is negative when a signal ended it, whose number it then is.
    """

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""

    def wait(self, seconds: float) -> int:
        """The exit status, once it has ended; `TimeoutError` when it still runs after that."""

    def send_signal(self, number: signal.Signals) -> None:
        """The signal, to the process that was started."""

    def kill(self) -> None:
        """SIGKILL, to all of it."""

    def freeze(self) -> None:
        """Stops all of it where it is."""

    def thaw(self) -> None:
        """Lets it go on, if it is frozen."""


class Launcher(Protocol):
    """How a driver starts a service, and where it keeps the log."""

    def launch(self, changes: Changes) -> Run:
        """Start it, once it has ended or for the first time."""

    def log(self) -> Path:
        """The file with all that it has logged so far."""


class Service:
    """A service whose runs come and go. Calls about one service take turns."""

    def __init__(
        self,
        name: str,
        launcher: Launcher,
        *,
        port: int | None,
        check: Check,
        check_seconds: float,
        deadline: float,
        stop_signal: signal.Signals,
    ) -> None:
        self.name = name
        # Where tests reach it, on loopback.
        self.port = port
        self._launcher = launcher
        self._check = check
        self._check_seconds = check_seconds
        self._deadline = deadline
        self._stop_signal = stop_signal
        self._lock = threading.Lock()
        self._run: Run | None = None
        self._end_is_known = False

    def start(self, changes: Changes = NO_CHANGES) -> float:
        """Start it and wait until it is healthy; the seconds that took."""
        begun = time.monotonic()
        with self._lock:
            run = self._launch(changes)
            self._wait_until_healthy(run, begun + self._deadline)
        return time.monotonic() - begun

    def launch(self, changes: Changes = NO_CHANGES) -> None:
        """Start it, whether or not it becomes healthy."""
        with self._lock:
            self._launch(changes)

    def kill(self) -> None:
        """SIGKILL, and wait for the end: the port is free when this returns."""
        with self._lock:
            run = self._running()
            self._end_is_known = True
            run.kill()
            self._wait(run)

    def term(self) -> None:
        """The service's stop signal; it may go on for a while."""
        with self._lock:
            run = self._running()
            self._end_is_known = True
            run.send_signal(self._stop_signal)

    def wait(self) -> int:
        """The status of a run that is to end, asked to or by itself, once it has ended."""
        with self._lock:
            if self._run is None:
                raise StateError(f"{self.name} was not started")
            self._end_is_known = True
            return self._wait(self._run)

    def freeze(self) -> None:
        """Stop all of the service where it is."""
        with self._lock:
            self._running().freeze()

    def thaw(self) -> None:
        """Let all of the service go on."""
        with self._lock:
            self._running().thaw()

    def stop(self) -> None:
        """End it with the test; `ServiceError` when that did not go as it should."""
        with self._lock:
            run = self._run
            if run is None:
                return
            status = run.poll()
            if status is not None:
                if not self._end_is_known:
                    raise self._error(f"ended by itself, {_ending(status)}")
                return
            run.thaw()
            run.send_signal(self._stop_signal)
            status = self._wait(run)
            if status != 0:
                raise self._error(f"was stopped by {self._stop_signal.name} and {_ending(status)}")

    def log(self) -> Path:
        """The file with all that it has logged so far."""
        return self._launcher.log()

    def _launch(self, changes: Changes) -> Run:
        if self._run is not None:
            if self._end_is_known:
                self._wait(self._run)
            elif self._run.poll() is None:
                raise StateError(f"{self.name} runs already")
        self._run = self._launcher.launch(changes)
        self._end_is_known = False
        return self._run

    def _running(self) -> Run:
        if self._run is None or self._run.poll() is not None:
            raise StateError(f"{self.name} does not run")
        return self._run

    def _wait(self, run: Run) -> int:
        try:
            return run.wait(STOP_SECONDS)
        except TimeoutError:
            run.kill()
            run.wait(STOP_SECONDS)
            raise self._error(f"did not stop within {STOP_SECONDS:.0f} s and was killed") from None

    def _wait_until_healthy(self, run: Run, deadline: float) -> None:
        while reason := self._check(self._check_seconds):
            status = run.poll()
            if status is not None:
                self._end_is_known = True
                raise self._error(f"did not start, {_ending(status)}")
            if time.monotonic() > deadline:
                raise self._error(f"is not healthy after {self._deadline:.0f} s ({reason})")
            time.sleep(POLL_SECONDS)

    def _error(self, what: str) -> ServiceError:
        log = self._launcher.log()
        lines = log.read_text(errors="replace").splitlines()
        tail = "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])
        return ServiceError(f"{self.name} {what}; the end of {log}:\n{tail}")


def _ending(status: int) -> str:
    if status < 0:
        return f"ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
