"""The process driver: the compose file's services as processes of this test alone."""

import ctypes
import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from tasker_stack.compose import Compose, ComposeError, interpolate
from tasker_stack.health import check_of
from tasker_stack.process import ProcessLauncher, Program
from tasker_stack.programs import instance
from tasker_stack.service import STOP_SECONDS, Service, ServiceError

PR_SET_CHILD_SUBREAPER = 36


class ProcessDriver:
    """Runs services in their order, and stops them in the opposite one."""

    def __init__(
        self,
        compose: Compose,
        names: list[str],
        programs: Mapping[str, Program],
        variables: Mapping[str, str],
        base_environment: Mapping[str, str],
        logs: Path,
    ) -> None:
        # What a dead service leaves behind becomes this process's child, which it can see and end.
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._compose = compose
        self._programs = programs
        self._variables = variables
        self._base_environment = base_environment
        self._logs = logs
        # Guards the making of further processes of a service.
        self._lock = threading.Lock()
        self._services = {
            name: self._make(name, name, variables, compose.services[name].published_port())
            for name in compose.in_start_order(names)
        }

    def find(self, name: str) -> Service | None:
        """The service, or a further process of it: `python-worker-2` to `-9`."""
        with self._lock:
            if name not in self._services and (found := instance(self._compose, name)):
                service, own_variables, port = found
                if service in self._services:
                    variables = {**self._variables, **own_variables}
                    self._services[name] = self._make(name, service, variables, port)
            return self._services.get(name)

    def _make(
        self, name: str, service: str, variables: Mapping[str, str], port: int | None
    ) -> Service:
        declared = self._compose.services[service]
        environment = {k: interpolate(v, variables) for k, v in declared.environment.items()}
        test = tuple(interpolate(word, variables) for word in declared.healthcheck.test)
        try:
            check = check_of(test)
        except ValueError as error:
            raise ComposeError(f"services.{service}.healthcheck.test: {error}") from error
        launcher = ProcessLauncher(
            self._programs[service],
            {**self._base_environment, **environment},
            self._logs / f"{name}.log",
        )
        return Service(
            name,
            launcher,
            port=port,
            check=check,
            check_seconds=declared.healthcheck.timeout_seconds(),
            deadline=declared.healthcheck.deadline(),
            stop_signal=signal.Signals[declared.stop_signal],
        )

    def start(self) -> dict[str, float]:
        """Start each service when those it depends on are healthy; the seconds that each took."""
        return {name: service.start() for name, service in self._services.items()}

    def stop(self) -> list[str]:
        """Stop all, the last one first; what did not end as it should."""
        problems = []
        for service in reversed(self._services.values()):
            try:
                service.stop()
            except ServiceError as error:
                problems.append(str(error))
        return problems + _end_leftovers()

    def host_of_test(self) -> str:
        """Loopback, which the test and all services share."""
        return "127.0.0.1"


def _end_leftovers() -> list[str]:
    """Wait for what services left behind; what is still there after a while is killed and named."""
    deadline = time.monotonic() + STOP_SECONDS
    while True:
        try:
            reaped, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return []
        if reaped == 0:
            if time.monotonic() > deadline:
                return [_kill(pid) for pid in _children()]
            time.sleep(0.005)


def _children() -> list[int]:
    tasks = Path("/proc/self/task").iterdir()
    return [int(pid) for task in tasks for pid in (task / "children").read_text().split()]


def _kill(pid: int) -> str:
    command = (
        Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    )
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return f"process {pid} ({command.strip()}) outlived the service that started it"
