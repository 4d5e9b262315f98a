"""The Docker driver: the compose file's services as containers of one Compose project."""

import threading
from pathlib import Path
from signal import Signals

from tasker_stack.compose import ComposeError
from tasker_stack.container import ContainerLauncher
from tasker_stack.docker import Docker, DockerError
from tasker_stack.health import check_of
from tasker_stack.leftovers import remove
from tasker_stack.programs import numbered
from tasker_stack.project import Project
from tasker_stack.service import Service, ServiceError


class DockerDriver:
    """Runs services in their order, and stops them in the opposite one."""

    def __init__(self, docker: Docker, project: Project, names: list[str], logs: Path) -> None:
        self._docker = docker
        self._project = project
        self._logs = logs
        # Guards the making of further instances of a service.
        self._lock = threading.Lock()
        self._services = {
            name: self._make(name, name) for name in project.compose.in_start_order(names)
        }

    def find(self, name: str) -> Service | None:
        """The service, or a further instance of it: `python-worker-2` to `-9`."""
        with self._lock:
            if name not in self._services and (found := numbered(self._project.compose, name)):
                service, number = found
                if service in self._services:
                    self._services[name] = self._make(name, service, number)
            return self._services.get(name)

    def start(self) -> dict[str, float]:
        """Start each service when those it depends on are healthy; the seconds that each took."""
        return {name: service.start() for name, service in self._services.items()}

    def stop(self) -> list[str]:
        """Stop all, the last one first, and remove the project; what did not end as it should."""
        problems = []
        for service in reversed(self._services.values()):
            try:
                service.stop()
            except ServiceError as error:
                problems.append(str(error))
            service.log()
        try:
            remove(self._docker, self._project.name)
        except DockerError as error:
            problems.append(str(error))
        return problems

    def host_of_test(self) -> str:
        """The gateway of the project's network, which is this machine."""
        form = "{{(index .IPAM.Config 0).Gateway}}"
        network = f"{self._project.name}_default"
        answer = self._docker.run("network", "inspect", "--format", form, network)
        return answer.strip().partition("/")[0]

    def _make(self, name: str, service: str, number: int = 1) -> Service:
        declared = self._project.compose.services[service]
        port = self._project.port(service, number)
        try:
            check = check_of(declared.healthcheck.test, port)
        except ValueError as error:
            raise ComposeError(f"services.{service}.healthcheck.test: {error}") from error
        log = self._logs / f"{name}.log"
        return Service(
            name,
            ContainerLauncher(self._docker, self._project, service, name, log),
            port=port,
            check=check,
            check_seconds=declared.healthcheck.timeout_seconds(),
            deadline=declared.healthcheck.deadline(),
            stop_signal=Signals[declared.stop_signal],
        )
