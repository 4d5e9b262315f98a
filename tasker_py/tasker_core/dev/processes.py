"""Child processes that never outlive this one."""

import ctypes
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tasker_core.dev import interrupts
from tasker_core.errors import DevError

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 10.0
POLL_SECONDS = 0.01
LOG_LINES = 30

_LIBC = ctypes.CDLL(None, use_errno=True)


class Service:
    """A running child, in a process group of its own: a terminal's Ctrl-C does not reach it.

    The kernel sends it `death_signal` when this process dies, in whatever way.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        *,
        environ: Mapping[str, str],
        stop_signal: signal.Signals = signal.SIGTERM,
        death_signal: signal.Signals = signal.SIGKILL,
        user: pwd.struct_passwd | None = None,
        folder: Path = Path("/"),
    ) -> None:
        self.name = name
        self.log = log
        self._stop_signal = stop_signal
        self._process = spawn(
            command, log, environ, death_signal=death_signal, user=user, folder=folder
        )

    @property
    def pid(self) -> int:
        """The process's id, which is its group's too."""
        return self._process.pid

    def wait_until(self, missing: Callable[[], str], seconds: float) -> None:
        """Waits until nothing is missing: `missing` says what is, for people.

        DevError, with that and the end of its log, when it ends first or takes too long.
        """
        deadline = time.monotonic() + seconds
        while what := missing():
            if not self.is_running():
                raise self.ended()
            if time.monotonic() > deadline:
                raise DevError(
                    f"{self.name} was not ready after {seconds:g} s: {what}{tail(self.log)}"
                )
            time.sleep(POLL_SECONDS)

    def wait_for_success(self) -> None:
        """Waits for its end. DevError, with the end of its log, when that is a failure."""
        while self.is_running():
            time.sleep(POLL_SECONDS)
        if self._process.returncode != 0:
            raise self.ended()

    def is_running(self) -> bool:
        """Whether it has not ended."""
        with interrupts.held():
            return self._process.poll() is None

    def ended(self) -> DevError:
        """What to raise when it has ended by itself."""
        code = self._process.wait()
        how = f"exit code {code}" if code >= 0 else signal.Signals(-code).name
        return DevError(f"{self.name} ended ({how}){tail(self.log)}")

    def stop(self) -> None:
        """Ends it in good order, or by force when that takes longer than 10 s."""
        if self._process.poll() is None:
            self._process.send_signal(self._stop_signal)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                self._process.wait()

    def kill(self) -> None:
        """Ends its process group at once; may be called while another call waits for its end."""
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)


def spawn(
    command: Sequence[str | Path],
    log: Path,
    environ: Mapping[str, str],
    *,
    death_signal: signal.Signals = signal.SIGKILL,
    user: pwd.struct_passwd | None = None,
    stdin: int = subprocess.DEVNULL,
    folder: Path = Path("/"),
) -> "subprocess.Popen[bytes]":
    """Starts a child that writes to `log`, as another user if one is given.

    In `folder`: without one where an unprivileged user may be, too.
    """
    parent = os.getpid()

    def die_with_parent() -> None:
        # After the change of user, which clears it.
        _LIBC.prctl(PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:
            os._exit(1)

    with interrupts.held(), log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environ,
            cwd=folder,
            start_new_session=True,
            preexec_fn=die_with_parent,
            user=None if user is None else user.pw_uid,
            group=None if user is None else user.pw_gid,
            extra_groups=None if user is None else [],
        )


def tail(log: Path) -> str:
    """The end of a log, to be put behind a message."""
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
    if not lines:
        return f"; its log, {log}, is empty"
    return f"; the end of its log, {log}:\n" + "\n".join(f"    {line}" for line in lines)
