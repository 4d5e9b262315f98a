"""Runs the compose fixture for people, until Ctrl-C: `bazel run //fixtures/compose:up`.

The images are those of this checkout, whose folders are mounted; ports are chosen by the compose
file's variables.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from tasker_stack import compose, images
from tasker_stack.containers import compose_program
from tasker_stack.docker import Docker, DockerError
from tasker_stack.health import check_of
from tasker_stack.project import tag_variable

PROJECT = "tasker"
FILE = "fixtures/compose/docker-compose.test.yml"
POLL_SECONDS = 0.1


def main() -> int:
    """0 when it ran and was ended."""
    arguments = _arguments()
    signal.signal(signal.SIGTERM, _end)
    docker = Docker(compose_program(arguments.compose_program))
    try:
        docker.check()
        # Nothing is forgotten: the images are those that tests use, too.
        tags = images.load(docker, dict(arguments.image), lambda: False)
        variables = {tag_variable(service): tag for service, tag in tags.items()}
        _serve(docker, Path(os.environ["BUILD_WORKSPACE_DIRECTORY"]) / FILE, variables)
    except (compose.ComposeError, DockerError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print()
    return 0


def _serve(docker: Docker, file: Path, variables: dict[str, str]) -> None:
    declared = compose.load(file)

    def call(*arguments: str) -> str:
        return docker.compose(PROJECT, [file], variables, *arguments)

    try:
        call("up", "--detach")
        for name, service in declared.services.items():
            port = service.published_port(os.environ)
            if port is not None:
                _wait_until_healthy(name, service, port, call)
                print(f"{name}: http://localhost:{port}")
        token = declared.services["orchestration"].environment["TASKER_TOKEN"]
        print(f"The token is {token}. Ctrl-C ends it.", flush=True)
        with docker.follow(PROJECT, [file], variables) as logs:
            logs.wait()
    finally:
        call("down", "--volumes", "--timeout", "10")


def _wait_until_healthy(
    name: str, service: compose.Service, port: int, call: Callable[..., str]
) -> None:
    check = check_of(service.healthcheck.test, port)
    deadline = time.monotonic() + service.healthcheck.deadline()
    while reason := check(service.healthcheck.timeout_seconds()):
        if time.monotonic() > deadline:
            raise DockerError(f"{name} is not healthy: {reason}\n{call('logs', name)}")
        time.sleep(POLL_SECONDS)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Runs the test system until Ctrl-C.")
    parser.add_argument("--compose-program", type=Path, required=True)
    parser.add_argument("--image", type=_named_path, action="append", metavar="SERVICE=ARCHIVE")
    return parser.parse_args()


def _named_path(value: str) -> tuple[str, Path]:
    name, _, path = value.partition("=")
    return name, Path(path)


def _end(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
