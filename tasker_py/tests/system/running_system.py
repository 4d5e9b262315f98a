"""A running system for all tests of a run: PostgreSQL, an engine with a token, a Python worker."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tasker_core.client import TaskerClient
from tasker_core.dev import readiness
from tasker_core.dev.postgres import Cluster
from tasker_core.dev.processes import Service

ROOT = Path(__file__).parents[3]
PATIENCE = 60.0
TOKEN = "a-token"
SERVER = Path(os.environ.get("TASKER_SERVER_BIN", ROOT / "target/debug/tasker-server")).absolute()
HANDLERS = Path(os.environ.get("TASKER_HANDLER_PATH", ROOT / "examples/python")).absolute()
TEMPLATES = Path(
    os.environ.get("TASKER_TEMPLATE_PATH", ROOT / "fixtures/task_templates/python")
).absolute()


@dataclass(frozen=True, kw_only=True)
class System:
    """Where it is, and the environment of who uses it."""

    url: str
    environ: Mapping[str, str]


@pytest.fixture(scope="session")
def system() -> Iterator[System]:
    """Not `tmp_path`, which is closed to other users: under root PostgreSQL runs as one."""
    folder = Path(tempfile.mkdtemp(prefix="tasker-"))
    folder.chmod(0o755)
    postgres_port, engine_port, worker_port = free_ports(3)
    url = f"http://127.0.0.1:{engine_port}"
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)

        def start(name: str, command: list[str | Path], environ: Mapping[str, str]) -> Service:
            log = folder / f"{name}.log"
            service = Service(name, command, log, environ={**base(), **environ})
            stack.callback(service.stop)
            return service

        cluster = Cluster(folder, folder, postgres_port)
        server = cluster.start()
        stack.callback(server.stop)
        cluster.wait_until_ready(server)
        database = {"DATABASE_URL": cluster.url, "TASKER_ENV": "test", "TASKER_TOKEN": TOKEN}
        start("migration", [SERVER, "migrate"], database).wait_for_success()
        bind = {"TASKER_BIND": f"127.0.0.1:{engine_port}", "TASKER_ENGINE_ID": "test"}
        engine = start("engine", [SERVER, "serve"], {**database, **bind})
        worker = start(
            "worker",
            [sys.executable, "-P", "-m", "tasker_core.worker"],
            {
                "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
                "TASKER_BIND": f"127.0.0.1:{worker_port}",
                "TASKER_URL": url,
                "TASKER_TOKEN": TOKEN,
                "TASKER_HANDLER_PATH": str(HANDLERS),
                "TASKER_TEMPLATE_PATH": str(TEMPLATES),
                "WORKER_ID": "worker-1",
            },
        )
        engine.wait_until(lambda: readiness.missing(url), PATIENCE)
        worker_url = f"http://127.0.0.1:{worker_port}"
        worker.wait_until(lambda: readiness.missing(worker_url), PATIENCE)
        environ = {
            **base(),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "TASKER_URL": url,
            "TASKER_TOKEN": TOKEN,
            "COLUMNS": "1000",
        }
        yield System(url=url, environ=environ)


@pytest.fixture
def client(system: System) -> Iterator[TaskerClient]:
    with TaskerClient(system.url, TOKEN) as client:
        yield client


Tasker = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def tasker(system: System) -> Tasker:
    """Runs the command line; `code` is the exit code that it is to have."""

    def run(*args: object, code: int = 0, **environ: str) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [sys.executable, "-m", "tasker_core.cli", *map(str, args)],
            env={**system.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return run


def base() -> dict[str, str]:
    """This environment, without what it says of a Tasker."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TASKER_")}


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports
