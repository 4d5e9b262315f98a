"""A step of arithmetic that waits at the test's gate before it answers."""

from collections.abc import Callable

from gates.gate import wait_at_gate
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
        wait_at_gate(task, step)
        source = self.configuration.get("of")
        number = sequence[source]["result"] if source else task.context["even_number"]
        operation = OPERATIONS[self.configuration["operation"]]
        return StepHandlerCallResult.success(results={"result": operation(number)})
