"""Runs the compose fixture's services around one test program.

stack.py --compose FILE --services NAME,... ... -- TEST_PROGRAM [ARGUMENT...]
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

from tasker_stack import compose, control
from tasker_stack.containers import containers
from tasker_stack.docker import DockerError
from tasker_stack.driver import Driver
from tasker_stack.processes import processes
from tasker_stack.programs import POSTGRES_PORT
from tasker_stack.service import ServiceError
from tasker_stack.slots import SlotError
from tasker_stack.system import System, Wanted

DRIVERS = {"docker": containers, "process": processes}


def main() -> int:
    """The test program's status; 1 when the stack itself is at fault."""
    begun = time.monotonic()
    arguments = _arguments()
    signal.signal(signal.SIGTERM, _end)
    try:
        wanted = _wanted(arguments)
        with DRIVERS[arguments.driver](wanted) as system:
            return _run(wanted, system, arguments.test, begun)
    except (compose.ComposeError, DockerError, SlotError) as error:
        return _fail(str(error))


def _wanted(arguments: argparse.Namespace) -> Wanted:
    logs = Path(os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR") or tempfile.mkdtemp(prefix="stack-"))
    return Wanted(
        compose.load(arguments.compose),
        arguments.compose,
        arguments.services,
        dict(arguments.source),
        dict(arguments.image),
        arguments.templates,
        arguments.handlers,
        logs,
    )


def _run(wanted: Wanted, system: System, test: list[str], begun: float) -> int:
    driver = system.driver
    status = 1
    try:
        with control.serve_control(driver) as url:
            took = driver.start()
            parts = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in took.items())
            _say(f"healthy after {time.monotonic() - begun:.2f} s ({parts}); logs in {wanted.logs}")
            told = {"TASKER_TEST_STACK_URL": url, **_addresses(wanted, driver)}
            # This program's own import path is nothing to the test.
            inherited = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
            status = _test(test, {**inherited, **told, **system.environment})
    except ServiceError as error:
        _fail(str(error))
    finally:
        stopping = time.monotonic()
        problems = driver.stop()
        _say(f"stopped within {time.monotonic() - stopping:.2f} s")
        for problem in problems:
            _fail(problem)
    return status or (1 if problems else 0)


def _test(command: list[str], environment: dict[str, str]) -> int:
    with subprocess.Popen(command, env=environment) as test:
        try:
            status = test.wait()
        except BaseException:
            test.kill()
            raise
    return _fail(f"the test ended by {signal.Signals(-status).name}") if status < 0 else status


def _addresses(wanted: Wanted, driver: Driver) -> dict[str, str]:
    found = {"TASKER_TEST_HOST": driver.host_of_test()}
    for name in wanted.services:
        service = driver.find(name)
        assert service, name
        if name == "orchestration":
            environment = wanted.compose.services[name].environment
            found["TASKER_TEST_ORCHESTRATION_URL"] = f"http://127.0.0.1:{service.port}"
            found["TASKER_TEST_TOKEN"] = environment["TASKER_TOKEN"]
            # By the names that clients read.
            found["TASKER_URL"] = found["TASKER_TEST_ORCHESTRATION_URL"]
            found["TASKER_TOKEN"] = found["TASKER_TEST_TOKEN"]
        elif name == "postgres":
            found["TASKER_TEST_POSTGRES"] = f"127.0.0.1:{service.port or POSTGRES_PORT}"
        elif name.endswith("-worker"):
            found["TASKER_TEST_WORKER_URL"] = f"http://127.0.0.1:{service.port}"
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compose", type=Path, required=True)
    parser.add_argument("--driver", choices=DRIVERS, default="process")
    parser.add_argument(
        "--source",
        type=_named_path,
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="a service's program, postgres-data (an archive), compose (the program), "
        "or the folder fixtures or examples",
    )
    parser.add_argument(
        "--image",
        type=_named_path,
        action="append",
        default=[],
        metavar="SERVICE=PATH",
        help="the archive of a service's image, for --driver=docker",
    )
    parser.add_argument(
        "--services", type=lambda value: value.split(","), required=True, metavar="NAME,..."
    )
    parser.add_argument(
        "--templates",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="a folder of templates that the worker has instead of the fixture's; "
        "its program, or its image, has their handlers",
    )
    parser.add_argument(
        "--handlers", type=Path, help="a folder of handlers and templates that the workers have too"
    )
    parser.add_argument("test", nargs="+", help="the test program and its arguments")
    return parser.parse_args()


def _named_path(value: str) -> tuple[str, Path]:
    name, _, path = value.partition("=")
    return name, Path(path)


def _end(signum: int, frame: FrameType | None) -> None:
    sys.exit(128 + signum)


def _fail(text: str) -> int:
    _say(text)
    return 1


def _say(text: str) -> None:
    print(f"stack: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
