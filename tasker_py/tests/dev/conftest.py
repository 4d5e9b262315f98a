"""A folder that PostgreSQL's user reaches too, and ports that are free."""

import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_dev import run

__all__ = ["run"]


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """One for all tests of a file, as making a cluster takes a second.

    Not `tmp_path`, which is closed to other users: under root PostgreSQL runs as one.
    """
    path = Path(tempfile.mkdtemp(prefix="tasker-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def free_ports() -> list[int]:
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
