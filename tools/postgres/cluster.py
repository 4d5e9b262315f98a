"""A PostgreSQL server of one's own: a data directory made and served on a free loopback port."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Nothing here outlives its test or action, so nothing is forced to disk.
SETTINGS = ("fsync=off", "listen_addresses=127.0.0.1", "unix_socket_directories=")


def initialise(postgres: Path, data: Path) -> None:
    """Make a data directory that trusts everybody; `postgres` is the program of that name."""
    _run(
        postgres.with_name("initdb"),
        *("--pgdata", str(data), "--username=postgres", "--auth=trust"),
        *("--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"),
    )


@contextmanager
def serving(postgres: Path, data: Path) -> Iterator[int]:
    """Run a server on the data directory; the port on which it answers."""
    port = _free_port()
    control = postgres.with_name("pg_ctl")
    settings = " ".join(f"-c {setting}" for setting in SETTINGS)
    log = data.with_suffix(".log")
    started = subprocess.run(
        [control, "start", "-w", "-D", data, "-l", log, "-o", f"-p {port} {settings}"],
        check=False,
        stdout=subprocess.DEVNULL,
    )
    if started.returncode:
        raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")
    try:
        yield port
    finally:
        _run(control, "stop", "-w", "-m", "fast", "-D", str(data))


def query(postgres: Path, port: int, user: str, database: str, *statements: str) -> list[str]:
    """The rows of the statements, as text; a failing one raises."""
    arguments = ["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"]
    for statement in statements:
        arguments += ["-c", statement]
    address = f"host=127.0.0.1 port={port} user={user} dbname={database}"
    return _run(postgres.with_name("psql"), *arguments, address).splitlines()


def _run(program: Path, *arguments: str) -> str:
    result = subprocess.run(
        [program, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "LC_ALL": "C"},
    )
    if result.returncode:
        raise RuntimeError(f"{program.name} failed:\n{result.stdout}{result.stderr}")
    return result.stdout


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
