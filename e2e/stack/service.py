"""One service as a process: started, asked for its health, sent signals, stopped, its log kept."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from e2e.stack.health import Check

# Every process of the stack ends within this time of its stop signal.
STOP_SECONDS = 10.0
POLL_SECONDS = 0.005
TAIL_LINES = 40


class ServiceError(Exception):
    """A service does not run as it should; the message ends with its log's last lines."""


class StateError(Exception):
    """What was asked for does not fit the service's state."""


def nothing() -> None:
    """The preparation of a program that needs none."""


@dataclass(frozen=True)
class Changes:
    """What is other than described when a service is started, this time only."""

    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()


NO_CHANGES = Changes()


@dataclass(frozen=True)
class Program:
    """How a service is run: what to do before its first start, and its command line."""

    command: tuple[str, ...]
    prepare: Callable[[], None] = nothing


class Service:
    """A service whose process comes and goes. Calls about one service take turns."""

    def __init__(
        self,
        name: str,
        program: Program,
        environment: Mapping[str, str],
        *,
        port: int | None,
        check: Check,
        check_seconds: float,
        deadline: float,
        stop_signal: signal.Signals,
        log: Path,
    ) -> None:
        self.name = name
        # Where tests reach it, on loopback.
        self.port = port
        self.log = log
        self._program = program
        self._environment = environment
        self._check = check
        self._check_seconds = check_seconds
        self._deadline = deadline
        self._stop_signal = stop_signal
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._end_is_known = False

    def start(self, changes: Changes = NO_CHANGES) -> float:
        """Start the process and wait until it is healthy; the seconds that took."""
        begun = time.monotonic()
        with self._lock:
            process = self._launch(changes)
            self._wait_until_healthy(process, begun + self._deadline)
        return time.monotonic() - begun

    def launch(self, changes: Changes = NO_CHANGES) -> None:
        """Start the process, whether or not it becomes healthy."""
        with self._lock:
            self._launch(changes)

    def kill(self) -> None:
        """SIGKILL, and wait for the end: the port is free when this returns."""
        with self._lock:
            process = self._running()
            self._end_is_known = True
            os.killpg(process.pid, signal.SIGKILL)
            self._wait(process)

    def term(self) -> None:
        """The service's stop signal; it may go on for a while."""
        with self._lock:
            process = self._running()
            self._end_is_known = True
            process.send_signal(self._stop_signal)

    def wait(self) -> int:
        """The status of a process that is to end, asked to or by itself, once it has ended."""
        with self._lock:
            if self._process is None:
                raise StateError(f"{self.name} was not started")
            self._end_is_known = True
            return self._wait(self._process)

    def freeze(self) -> None:
        """SIGSTOP to all of the service."""
        with self._lock:
            os.killpg(self._running().pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT to all of the service."""
        with self._lock:
            os.killpg(self._running().pid, signal.SIGCONT)

    def stop(self) -> None:
        """End the process with the test; `ServiceError` when that did not go as it should."""
        with self._lock:
            process = self._process
            if process is None:
                return
            status = process.poll()
            if status is not None:
                if not self._end_is_known:
                    raise self._error(f"ended by itself, {_ending(status)}")
                return
            os.killpg(process.pid, signal.SIGCONT)
            process.send_signal(self._stop_signal)
            status = self._wait(process)
            if status != 0:
                raise self._error(f"was stopped by {self._stop_signal.name} and {_ending(status)}")

    def _launch(self, changes: Changes) -> subprocess.Popen[bytes]:
        if self._process is None:
            self._program.prepare()
        elif self._end_is_known:
            self._wait(self._process)
        elif self._process.poll() is None:
            raise StateError(f"{self.name} runs already")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                (*self._program.command, *changes.arguments),
                env={**self._environment, **changes.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A group of its own: Ctrl-C does not reach it, SIGKILL reaches all of it.
                start_new_session=True,
            )
        self._end_is_known = False
        return self._process

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            raise StateError(f"{self.name} does not run")
        return self._process

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        try:
            return process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise self._error(f"did not stop within {STOP_SECONDS:.0f} s and was killed") from None

    def _wait_until_healthy(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        while reason := self._check(self._check_seconds):
            status = process.poll()
            if status is not None:
                self._end_is_known = True
                raise self._error(f"did not start, {_ending(status)}")
            if time.monotonic() > deadline:
                raise self._error(f"is not healthy after {self._deadline:.0f} s ({reason})")
            time.sleep(POLL_SECONDS)

    def _error(self, what: str) -> ServiceError:
        lines = self.log.read_text(errors="replace").splitlines()
        tail = "\n".join(f"    {line}" for line in lines[-TAIL_LINES:])
        return ServiceError(f"{self.name} {what}; the end of {self.log}:\n{tail}")


def _ending(status: int) -> str:
    if status < 0:
        return f"ended by {signal.Signals(-status).name}"
    return f"ended with status {status}"
