"""A service as a process of this machine."""

import contextlib
import os
import select
import signal
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tasker_stack.service import Changes


def nothing() -> None:
    """The preparation of a program that needs none."""


@dataclass(frozen=True)
class Program:
    """How a service is run: what to do before its first start, and its command line."""

    command: tuple[str, ...]
    prepare: Callable[[], None] = nothing


def _open_children(pid: int) -> list[int]:
    """File descriptors of the children, which stay theirs whatever becomes of their numbers."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except FileNotFoundError:
        return []
    opened = []
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            opened.append(os.pidfd_open(int(child)))
    return opened


class ProcessLauncher:
    """Starts the processes of one service, one after the other, all with one log."""

    def __init__(self, program: Program, environment: Mapping[str, str], log: Path) -> None:
        self._program = program
        self._environment = environment
        self._log = log
        self._is_prepared = False

    def launch(self, changes: Changes) -> "ProcessRun":
        """Start a process."""
        if not self._is_prepared:
            self._program.prepare()
            self._is_prepared = True
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                (*self._program.command, *changes.arguments),
                env={**self._environment, **changes.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A group of its own: Ctrl-C does not reach it, SIGKILL reaches all of it.
                start_new_session=True,
            )
        return ProcessRun(process)

    def log(self) -> Path:
        """The file that all processes write to."""
        return self._log


class ProcessRun:
    """A process, with all of its group."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._process.poll()

    def wait(self, seconds: float) -> int:
        """The exit status, once it has ended; `TimeoutError` when it still runs after that."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None

    def send_signal(self, number: signal.Signals) -> None:
        """The signal, to the process alone."""
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL to its group, and to its children: those of PostgreSQL have groups of their own.

        These are gone on return: a server does not start while one of another has its memory.
        """
        children = _open_children(self._process.pid)
        os.killpg(self._process.pid, signal.SIGKILL)
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(child, signal.SIGKILL)
            # It can be read once the process has ended.
            select.select([child], [], [])
            os.close(child)

    def freeze(self) -> None:
        """SIGSTOP to its group."""
        os.killpg(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT to its group."""
        os.killpg(self._process.pid, signal.SIGCONT)
