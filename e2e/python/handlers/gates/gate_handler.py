"""A step of arithmetic that waits at the test's gate before it answers."""

import socket
from collections.abc import Callable

from tasker_core.errors import PermanentError
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

OPERATIONS: dict[str, Callable[[int], int]] = {
    "square": lambda number: number**2,
    "add": lambda number: number + 10,
    "multiply": lambda number: number * 3,
    "divide": lambda number: number // 2,
}


class GateHandler(StepHandlerBase):
    """Tells `context.gate`, a host:port, which attempt this is, and answers when told to go on."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Fails for good when the gate is closed."""
        host, _, port = task.context["gate"].rpartition(":")
        with socket.create_connection((host, int(port))) as gate:
            gate.sendall(f"{step.step_name} {step.attempt}\n".encode())
            if gate.recv(3) != b"go\n":
                raise PermanentError("the gate is closed", error_code="GATE_CLOSED")
        source = self.configuration.get("of")
        number = sequence[source]["result"] if source else task.context["even_number"]
        operation = OPERATIONS[self.configuration["operation"]]
        return StepHandlerCallResult.success(results={"result": operation(number)})
