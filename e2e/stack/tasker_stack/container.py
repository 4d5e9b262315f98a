"""A service as a container, of an image that the build made."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from signal import SIGKILL, Signals

from tasker_stack.docker import Docker, DockerError
from tasker_stack.programs import ARGUMENTS
from tasker_stack.project import Project
from tasker_stack.service import Changes, ServiceError, StateError

# As a shell and an engine tell that a signal ended a process.
SIGNALLED = 128


class ContainerLauncher:
    """Starts one service's container, which is made anew when it is to be other than before."""

    def __init__(
        self, docker: Docker, project: Project, service: str, name: str, log: Path
    ) -> None:
        self._docker = docker
        self._project = project
        self._service = service
        self._name = name
        self._log = log
        self._container = f"{project.name}-{name}"
        # With what it was made; None while there is none.
        self._made_with: Changes | None = None
        # So many bytes of the container's log are in the file.
        self._logged = 0

    def launch(self, changes: Changes) -> "ContainerRun":
        """Start the container."""
        try:
            if self._made_with == changes:
                self._docker.run("start", self._container)
            else:
                self._remove()
                self._make(changes)
        except DockerError as error:
            raise ServiceError(f"{self._name} did not start: {error}") from error
        return ContainerRun(self._docker, self._container)

    def log(self) -> Path:
        """The file with all that its containers have logged so far."""
        said = self._docker.logs(self._container) if self._made_with else b""
        with self._log.open("ab") as log:
            log.write(said[self._logged :])
        self._logged = max(self._logged, len(said))
        return self._log

    def _make(self, changes: Changes) -> None:
        variables: Mapping[str, str] = self._project.variables_of(self._service, self._name)
        options = ["--detach", "--no-deps", "--service-ports", "--name", self._container]
        if self._name == self._service:
            options.append("--use-aliases")
        for name, value in changes.environment.items():
            # The long form is not known to Compose 1, which then does nothing and succeeds.
            options += ["-e", f"{name}={value}"]
        arguments = changes.arguments
        if arguments:
            # They take the place of all that the image has.
            arguments = (*ARGUMENTS.get(self._service, ()), *arguments)
        self._docker.compose(
            self._project.name,
            self._project.files,
            {**self._project.variables, **variables},
            *("run", *options, self._service, *arguments),
        )
        self._made_with = changes

    def _remove(self) -> None:
        if self._made_with is not None:
            self.log()
            self._docker.run("rm", "--force", self._container)
            self._made_with, self._logged = None, 0


class ContainerRun:
    """A container from one start to its end."""

    def __init__(self, docker: Docker, container: str) -> None:
        self._docker = docker
        self._container = container
        self._is_frozen = False
        # Told by the engine, not asked again and again.
        self._end = docker.wait(container)
        self._status: int | None = None

    def poll(self) -> int | None:
        """The exit status, or None while it runs."""
        return None if self._end.poll() is None else self._ended()

    def wait(self, seconds: float) -> int:
        """The exit status, once it has ended; `TimeoutError` when it still runs after that."""
        try:
            self._end.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError from None
        return self._ended()

    def send_signal(self, number: Signals) -> None:
        """The signal, to the container's first process."""
        self._act("kill", "--signal", number.name)

    def kill(self) -> None:
        """SIGKILL, with which all of the container ends."""
        self._act("kill", "--signal", SIGKILL.name)

    def freeze(self) -> None:
        """Stops all processes of the container."""
        self._act("pause")
        self._is_frozen = True

    def thaw(self) -> None:
        """Lets them go on."""
        if self._is_frozen:
            self._act("unpause")
            self._is_frozen = False

    def _act(self, *action: str) -> None:
        try:
            self._docker.run(*action, self._container)
        except DockerError as error:
            raise StateError(str(error)) from error

    def _ended(self) -> int:
        if self._status is None:
            said, problem = self._end.communicate()
            if not said.strip().isdecimal():
                raise ServiceError(f"the engine does not tell {self._container}'s end: {problem}")
            status = int(said)
            self._status = SIGNALLED - status if status > SIGNALLED else status
        return self._status
