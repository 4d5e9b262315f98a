"""The programs `docker` and Compose, called, with a way out for what commonly goes wrong."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

# Words of an engine, and what to do about what they mean.
REMEDIES = (
    (
        r"no space left on device",
        "the engine's disk is full: free some, such as with `docker system prune`",
    ),
    (
        r"port is already allocated|address already in use|failed to bind host port",
        "another program has the port: end it, or choose another, as with PYTHON_WORKER_PORT=9083",
    ),
    (
        r"non-overlapping IPv4 address pool|all predefined address pools",
        "the engine has no addresses for one more network: `docker network prune` removes unused",
    ),
    (
        r"permission denied",
        "this user may not use the engine: add it to the group that owns the engine's socket",
    ),
    (
        r"No such image|pull access denied|repository does not exist|missing locally",
        "an image is not loaded: `bazel run //fixtures/compose:up` loads them",
    ),
)
# Of the engine's API: that of Docker 20.10.
OLDEST_API = (1, 41)


class DockerError(Exception):
    """The engine does not do what it is asked for; the message says what to do."""


class Docker:
    """A container engine by its command line; `compose` is Compose's, a program and arguments."""

    def __init__(self, compose: Sequence[str], program: str = "docker") -> None:
        self._program = program
        self._compose = tuple(compose)
        # Compose may itself be a Python program, whose packages are others.
        self._environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}

    def check(self) -> None:
        """`DockerError` when no engine answers, or one that is too old."""
        try:
            version = self.run("version", "--format", "{{.Server.APIVersion}} {{.Server.Version}}")
        except DockerError as error:
            raise DockerError(
                f"{error}\nno container engine answers: start one, such as with `systemctl start "
                "docker`, or test without --config=docker"
            ) from error
        api, _, name = version.strip().partition(" ")
        if tuple(int(part) for part in api.split(".")) < OLDEST_API:
            oldest = ".".join(map(str, OLDEST_API))
            raise DockerError(
                f"the container engine {name} has API {api}; wanted is {oldest}, of Docker 20.10, "
                "or newer: update it, or test without --config=docker"
            )

    def run(self, *arguments: str) -> str:
        """What `docker` answers; its errors are in it, too, where it prints both."""
        return self._call((self._program, *arguments), self._environment)

    def compose(
        self,
        project: str,
        files: Sequence[Path],
        variables: Mapping[str, str],
        *arguments: str,
    ) -> str:
        """What Compose answers, about a project that these files describe with these variables."""
        command = self._of_project(project, files, *arguments)
        return self._call(command, {**self._environment, **variables})

    def follow(
        self, project: str, files: Sequence[Path], variables: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        """A process that shows what a project's services log, until Ctrl-C or their end."""
        return subprocess.Popen(
            self._of_project(project, files, "logs", "--follow"),
            env={**self._environment, **variables},
            stdin=subprocess.DEVNULL,
        )

    def wait(self, container: str) -> subprocess.Popen[str]:
        """A process that ends with the container, and prints its exit status."""
        return subprocess.Popen(
            (self._program, "wait", container),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def logs(self, container: str) -> bytes:
        """All that the container has logged, on both streams; nothing when there is none."""
        result = subprocess.run(
            (self._program, "logs", container),
            check=False,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return b"" if result.returncode else result.stdout

    def _of_project(self, project: str, files: Sequence[Path], *arguments: str) -> tuple[str, ...]:
        named = [word for file in files for word in ("--file", str(file))]
        return (*self._compose, "--project-name", project, *named, *arguments)

    @staticmethod
    def _call(command: Sequence[str], environment: Mapping[str, str]) -> str:
        try:
            result = subprocess.run(
                command,
                check=False,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                # Ctrl-C is for who calls, who then takes down what was begun.
                start_new_session=True,
            )
        except OSError as error:
            raise DockerError(f"{command[0]} cannot be run: {error.strerror}") from error
        if result.returncode:
            raise DockerError(explained(command, result.stderr.strip() or result.stdout.strip()))
        return result.stdout


def explained(command: Sequence[str], said: str) -> str:
    """A failure with the command, what it said, and what to do where that is known."""
    lines = [f"`{' '.join(command)}` failed: {said}"]
    lines += [remedy for words, remedy in REMEDIES if re.search(words, said, re.IGNORECASE)]
    return "\n".join(lines)
