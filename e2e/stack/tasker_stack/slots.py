"""Slots for stacks of containers, each with a project and ports of its own on this machine.

A slot is a lock that goes with its holder, however that ends. So what a project of the slot's name
has left behind is nobody's any more, and whoever takes the next slot removes it.
"""

import socket
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tasker_stack.machine_lock import try_hold, wait_for_any

# Each has a network, of which an engine has addresses for 30.
SLOTS = 20
PREFIX = "tasker-e2e-"

# Below the ports that systems give to connections (ip_local_port_range).
FIRST_PORT = 21000
PORTS_OF_SLOT = 50
PORTS_OF_SERVICE = 10


class SlotError(Exception):
    """No slot can be had; the message says why and what to do."""


@dataclass(frozen=True)
class Slot:
    """The right to a project's name and to 50 ports, ten for a service."""

    number: int

    @property
    def project(self) -> str:
        """The name of the slot's project."""
        return f"{PREFIX}{self.number}"

    def port(self, service: int, instance: int = 1) -> int:
        """The port of an instance, from 1, of the service with this index."""
        first = FIRST_PORT + PORTS_OF_SLOT * self.number
        return first + PORTS_OF_SERVICE * service + instance - 1


@contextmanager
def taken(
    services: int, projects: Iterable[str], remove: Callable[[str], object]
) -> Iterator[Slot]:
    """Have a slot; wait while all are taken.

    `projects` are those that the engine has something of: what of them has lost its stack is
    removed first. `SlotError` when another program has a port of every slot.
    """
    _remove_abandoned(projects, remove)
    while True:
        others: list[str] = []
        blocked: list[int] = []
        for slot in map(Slot, range(SLOTS)):
            lock = try_hold(slot.project)
            if lock is None:
                others.append(slot.project)
                continue
            with lock:
                busy = [port for port in map(slot.port, range(services)) if not _is_free(port)]
                if not busy:
                    yield slot
                    return
                blocked += busy
        if not others:
            ports = ", ".join(map(str, blocked))
            raise SlotError(
                f"other programs have the ports that stacks publish ({ports}): end one of them"
            )
        print(f"stack: {len(others)} stacks run; waiting for one to end", file=sys.stderr)
        wait_for_any(others)


def is_alone(slot: Slot) -> bool:
    """Whether no other stack has a slot."""
    for number in range(SLOTS):
        if number != slot.number:
            lock = try_hold(Slot(number).project)
            if lock is None:
                return False
            lock.close()
    return True


def _remove_abandoned(projects: Iterable[str], remove: Callable[[str], object]) -> None:
    for project in sorted(set(projects)):
        number = project.removeprefix(PREFIX)
        if project.startswith(PREFIX) and number.isdecimal():
            lock = try_hold(project)
            if lock is not None:
                with lock:
                    remove(project)


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
