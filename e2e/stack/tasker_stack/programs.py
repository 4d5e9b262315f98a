"""How each service is run as a process, and the variables that tell the compose file so."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tasker_stack.compose import Compose, ComposeError
from tasker_stack.process import Program

# The variable that holds the address a service binds.
BIND_VARIABLES = {"orchestration": "ENGINE_BIND", "python-worker": "PYTHON_WORKER_BIND"}

# The variable that holds the name of an engine or a worker.
ID_VARIABLES = {"orchestration": "ENGINE_ID", "python-worker": "PYTHON_WORKER_ID"}

# The first arguments of a service's program.
ARGUMENTS = {"orchestration": ("serve",)}

# Lists of folders, to which those of handlers only for tests are added.
FOLDER_LISTS = ("TASKER_TEMPLATE_PATH", "TASKER_HANDLER_PATH")

# Where PostgreSQL listens, which the compose file does not publish.
POSTGRES_PORT = 5432

# Between the ports of two processes of one service.
PORT_STEP = 100

# The numbers that further instances of a service may have.
INSTANCES = tuple("23456789")

# What is built and kept elsewhere: the programs and folders that `program` and `variables` name.
Sources = Mapping[str, Path]


def program(name: str, sources: Sources, folder: Path) -> Program:
    """How to run the service; `folder` is for what it writes."""
    match name:
        case "postgres":
            data = folder / "postgres"
            archive = _source(sources, "postgres-data")
            return Program(
                (
                    *(str(_source(sources, name)), "-D", str(data)),
                    *("-c", "listen_addresses=127.0.0.1", "-p", str(POSTGRES_PORT)),
                    # A sandbox's path is longer than a Unix socket's may be.
                    *("-c", "unix_socket_directories="),
                    # The data directory does not outlive the test.
                    *("-c", "fsync=off"),
                ),
                prepare=lambda: _unpack(archive, data),
            )
        case "orchestration":
            return Program((str(_source(sources, name)), *ARGUMENTS[name]))
        case "python-worker":
            return Program((str(_source(sources, name)),))
    raise ComposeError(f"the service {name!r} cannot be run as a process")


def copy_fixtures(sources: Sources, folder: Path) -> Path:
    """The fixtures as files of their own.

    Bazel's are links to somewhere else, which a worker that serves one folder refuses to follow.
    """
    copy = folder / "fixtures"
    shutil.copytree(_source(sources, "fixtures"), copy)
    return copy


def variables(compose: Compose, sources: Sources, templates: list[Path]) -> dict[str, str]:
    """The variables of the compose file, for processes that share one loopback."""
    found = {"POSTGRES_HOST": "127.0.0.1", "ENGINE_HOST": "127.0.0.1"}
    if templates:
        # Their handlers are on the program's own path.
        found["TEMPLATES"] = ":".join(str(folder.absolute()) for folder in templates)
        found["HANDLERS"] = ""
    else:
        fixtures = _source(sources, "fixtures")
        found["FIXTURES"] = str(fixtures)
        found["TEMPLATES"] = str(fixtures / "task_templates/python")
        found["HANDLERS"] = str(_source(sources, "examples") / "python")
    for name, variable in BIND_VARIABLES.items():
        if name in compose.services:
            port = compose.services[name].published_port()
            if port is not None:
                found[variable] = address(port)
    return found


def instance(compose: Compose, name: str) -> tuple[str, dict[str, str], int] | None:
    """What `python-worker-2` is: one more process of the service `python-worker`.

    Gives the service, the variables that are this process's own, and its port.
    """
    found = numbered(compose, name)
    published = compose.services[found[0]].published_port() if found else None
    if found is None or published is None:
        return None
    service, number = found
    port = published + PORT_STEP * (number - 1)
    return service, {BIND_VARIABLES[service]: address(port), ID_VARIABLES[service]: name}, port


def numbered(compose: Compose, name: str) -> tuple[str, int] | None:
    """The service and the number of a further instance: of `python-worker-2` the worker, and 2."""
    service, _, number = name.rpartition("-")
    if service not in ID_VARIABLES or number not in INSTANCES or service not in compose.services:
        return None
    return service, int(number)


def address(port: int) -> str:
    """What a process that is reached at this port binds: all share one loopback."""
    return f"127.0.0.1:{port}"


def _source(sources: Sources, name: str) -> Path:
    if name not in sources:
        raise ComposeError(f"--source={name}=PATH is missing")
    return sources[name]


def _unpack(archive: Path, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    subprocess.run(["tar", "-xf", archive, "-C", folder], check=True)
