"""The handlers' side of a test's gate: says which attempt runs, and waits until it may go on."""

import os
import socket

from tasker_core.errors import PermanentError
from tasker_core.types import Step, Task


def wait_at_gate(task: Task, step: Step) -> None:
    """Returns when the gate at `context.gate`, a host:port over TCP, lets it go on.

    PermanentError when the gate is closed.
    """
    host, _, port = task.context["gate"].rpartition(":")
    with socket.create_connection((host, int(port))) as gate:
        gate.sendall(greeting(task, step))
        if gate.recv(3) != b"go\n":
            raise PermanentError("the gate is closed", error_code="GATE_CLOSED")


def greeting(task: Task, step: Step) -> bytes:
    """What a handler says at the gate: its step, attempt, task and process."""
    return f"{step.step_name} {step.attempt} {task.task_uuid} {process()}\n".encode()


def process() -> str:
    """The process that runs the handler: its host, and its number there, as containers count."""
    return f"{socket.gethostname()}/{os.getpid()}"
