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

from e2e.stack import compose, control, isolation, process_driver, programs
from e2e.stack.service import ServiceError

# Lists of folders, to which those of handlers only for tests are added.
FOLDER_LISTS = ("TASKER_TEMPLATE_PATH", "TASKER_HANDLER_PATH")


def main() -> int:
    """The test program's status; 1 when the stack itself is at fault."""
    begun = time.monotonic()
    arguments = _arguments()
    signal.signal(signal.SIGTERM, _end)
    with (
        isolation.own_network(),
        tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as folder,
        isolation.memory_at(Path(folder)),
    ):
        try:
            return _run(arguments, Path(folder), begun)
        except compose.ComposeError as error:
            return _fail(str(error))


def _run(arguments: argparse.Namespace, folder: Path, begun: float) -> int:
    logs = Path(os.environ.get("TEST_UNDECLARED_OUTPUTS_DIR") or tempfile.mkdtemp(prefix="stack-"))
    file = compose.load(arguments.compose)
    if arguments.handlers:
        file = _with_handlers(file, arguments.handlers.absolute())
    sources = {name: Path(path).absolute() for name, path in arguments.source}
    sources["fixtures"] = programs.copy_fixtures(sources, folder)
    driver = process_driver.ProcessDriver(
        file,
        arguments.services,
        {name: programs.program(name, sources, folder) for name in arguments.services},
        programs.variables(file, sources),
        {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TMPDIR": str(folder),
            "RUST_BACKTRACE": "1",
        },
        logs,
    )
    status = 1
    try:
        with control.serve_control(driver) as url:
            took = driver.start()
            parts = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in took.items())
            _say(f"healthy after {time.monotonic() - begun:.2f} s ({parts}); logs in {logs}")
            environment = os.environ | _test_environment(file, arguments.services, url)
            status = _test(arguments.test, environment)
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


def _test_environment(file: compose.Compose, names: list[str], control_url: str) -> dict[str, str]:
    found = {"TASKER_TEST_STACK_URL": control_url}
    for name in names:
        service = file.services[name]
        port = service.published_port()
        if name == "orchestration":
            found["TASKER_TEST_ORCHESTRATION_URL"] = f"http://127.0.0.1:{port}"
            found["TASKER_TEST_TOKEN"] = service.environment["TASKER_TOKEN"]
        elif name.endswith("-worker"):
            found["TASKER_TEST_WORKER_URL"] = f"http://127.0.0.1:{port}"
    return found


def _with_handlers(file: compose.Compose, folder: Path) -> compose.Compose:
    services = {}
    for name, service in file.services.items():
        environment = {
            key: f"{value}:{folder}" if key in FOLDER_LISTS else value
            for key, value in service.environment.items()
        }
        services[name] = service.model_copy(update={"environment": environment})
    return file.model_copy(update={"services": services})


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compose", type=Path, required=True)
    parser.add_argument(
        "--source",
        type=lambda value: value.partition("=")[::2],
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="a service's program, postgres-data (an archive), or the folder fixtures or examples",
    )
    parser.add_argument(
        "--services", type=lambda value: value.split(","), required=True, metavar="NAME,..."
    )
    parser.add_argument(
        "--handlers", type=Path, help="a folder of handlers and templates that the workers have too"
    )
    parser.add_argument("test", nargs="+", help="the test program and its arguments")
    return parser.parse_args()


def _end(signum: int, frame: FrameType | None) -> None:
    sys.exit(128 + signum)


def _fail(text: str) -> int:
    _say(text)
    return 1


def _say(text: str) -> None:
    print(f"stack: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
