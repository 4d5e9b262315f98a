"""The process driver: the compose file's services as processes of this test alone."""

import ctypes
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

from e2e.stack.compose import Compose, ComposeError, interpolate
from e2e.stack.health import check_of
from e2e.stack.service import STOP_SECONDS, Program, Service, ServiceError

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
        self._services: dict[str, Service] = {}
        for name in compose.in_start_order(names):
            declared = compose.services[name]
            environment = {k: interpolate(v, variables) for k, v in declared.environment.items()}
            test = tuple(interpolate(word, variables) for word in declared.healthcheck.test)
            try:
                check = check_of(test)
            except ValueError as error:
                raise ComposeError(f"services.{name}.healthcheck.test: {error}") from error
            self._services[name] = Service(
                name,
                programs[name],
                {**base_environment, **environment},
                check=check,
                check_seconds=declared.healthcheck.timeout_seconds(),
                deadline=declared.healthcheck.deadline(),
                stop_signal=signal.Signals[declared.stop_signal],
                log=logs / f"{name}.log",
            )

    def __getitem__(self, name: str) -> Service:
        return self._services[name]

    def __contains__(self, name: object) -> bool:
        return name in self._services

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
