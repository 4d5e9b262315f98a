"""The parent of `--processes N`: starts workers, restarts those that die, ends with the last."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType

from tasker_core.fleet_page import FleetPage
from tasker_core.lifeline import LEFT
from tasker_core.own_logger import own_logger
from tasker_core.settings import WorkerSettings
from tasker_core.signal_wait import SignalWait

logger = own_logger(__name__)

FIRST_WAIT_SECONDS = 0.1
MAX_WAIT_SECONDS = 30.0
# A process that has lived so long starts the waits over.
STABLE_SECONDS = 60.0
# How long after its drain time-out a process that is still there is killed: it cannot even be
# interrupted.
GRACE_SECONDS = 2.0


class Child:
    """One worker process, in each of its lives."""

    def __init__(self, worker_id: str, argv: Sequence[str]) -> None:
        self.worker_id = worker_id
        self.address: str | None = None
        """Where its health page is, as host:port, while there is one."""
        self.trouble = "starting"
        """Why it has none, otherwise."""
        self.exit_code = 0
        self.starts = 0
        self.is_over = False
        """Whether it has ended and is not started again."""
        # Later flags win over those that the parent was given.
        self._argv = [*argv, "--processes=1", "--bind=127.0.0.1:0", f"--worker-id={worker_id}"]
        # Guards `_process` and `_stopped`, so that none is started once it was stopped.
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        # Whether it told that it has left as it should.
        self._left = False

    def run(self) -> bool:
        """Runs one life of it, to its end: whether it is over for good."""
        ours, theirs = socket.socketpair()
        with ours:
            with self._lock, theirs:
                if self._stopped:
                    return True
                try:
                    self._process = self._start(theirs.fileno())
                except OSError as error:
                    # The system has no more processes or memory, for now.
                    logger.error("the process %s cannot be started: %s", self.worker_id, error)
                    self.exit_code = os.EX_OSERR
                    return False
            listener = threading.Thread(target=self._listen, args=[ours], daemon=True)
            listener.start()
            # Not the end of the line: that may be held by a process that a handler has forked.
            self.exit_code = self._process.wait()
            ours.shutdown(socket.SHUT_RD)
            listener.join()
        self.address = None
        return self._left or self._stopped

    def _start(self, lifeline: int) -> "subprocess.Popen[bytes]":
        self.starts += 1
        return subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "tasker_core.worker",
                *self._argv,
                f"--lifeline={lifeline}",
            ],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
            pass_fds=[lifeline],
            # Ctrl-C on a terminal reaches a whole group; only what the parent sends is to count.
            process_group=0,
        )

    def _listen(self, line: socket.socket) -> None:
        """Hears what the process tells, until it ends."""
        with line.makefile() as told:
            for text in told:
                if text.strip() == LEFT:
                    self._left = True
                else:
                    self.address = text.strip()

    def signal(self, number: int) -> None:
        """Sends a signal, if there is a process, and does not let another be started."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.send_signal(number)


class Supervisor:
    """Keeps so many worker processes, and the one health and metrics port of them all."""

    def __init__(self, settings: WorkerSettings, argv: Sequence[str]) -> None:
        self._settings = settings
        numbers = range(1, settings.processes + 1)
        self.children = [Child(f"{settings.worker_id}-{number}", argv) for number in numbers]
        self._stopping = threading.Event()
        self._deadline = float("inf")

    def run(self) -> int:
        """Runs until every process has left: the exit code."""
        try:
            page = FleetPage(self._settings.bind, self.children, self._settings.hosts)
        except OSError as error:
            logger.error(
                "cannot listen on %s for the health page: %s; TASKER_BIND or --bind names another",
                self._settings.bind,
                error,
            )
            return 1
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        logger.info(
            "worker %s runs %d processes, health on http://%s/health",
            self._settings.worker_id,
            len(self.children),
            page.address,
        )
        with SignalWait() as waiting:
            for child in self.children:
                threading.Thread(
                    target=self._look_after,
                    args=[child, waiting],
                    name=child.worker_id,
                    daemon=True,
                ).start()
            while not all(child.is_over for child in self.children):
                self._wait(waiting)
        page.close()
        failed = [child for child in self.children if child.exit_code not in (0, -signal.SIGTERM)]
        for child in failed:
            logger.error("the process %s %s", child.worker_id, described(child.exit_code))
        logger.info("stopped")
        return 1 if failed else 0

    def _wait(self, waiting: SignalWait) -> None:
        """Until something happens. The first signal sets the deadline."""
        left = self._deadline - time.monotonic()
        waiting.wait(None if left == float("inf") else max(0.0, left))
        if time.monotonic() >= self._deadline:
            self._deadline = float("inf")
            logger.error("processes are killed that did not end within the drain time-out")
            for child in self.children:
                child.signal(signal.SIGKILL)

    def _look_after(self, child: Child, waiting: SignalWait) -> None:
        try:
            self._keep(child)
        finally:
            child.is_over = True
            waiting.wake()

    def _keep(self, child: Child) -> None:
        """Starts the process again and again, later and later while it ends at once."""
        wait = FIRST_WAIT_SECONDS
        while True:
            begun = time.monotonic()
            if child.run():
                return
            if time.monotonic() - begun >= STABLE_SECONDS:
                wait = FIRST_WAIT_SECONDS
            ended = described(child.exit_code)
            child.trouble = f"{ended}, and is started again after {wait:g} s"
            logger.error("the process %s %s", child.worker_id, child.trouble)
            if self._stopping.wait(wait):
                return
            child.trouble = f"starting; the process before it {ended}"
            wait = min(wait * 2, MAX_WAIT_SECONDS)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self._stopping.is_set():
            for child in self.children:
                child.signal(signal.SIGKILL)
            os._exit(128 + number)
        logger.info("%s was received", signal.Signals(number).name)
        self._deadline = time.monotonic() + self._settings.drain_timeout + GRACE_SECONDS
        self._stopping.set()
        for child in self.children:
            child.signal(number)


def described(exit_code: int) -> str:
    """How a process has ended, in words."""
    if exit_code < 0:
        return f"was ended by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"
