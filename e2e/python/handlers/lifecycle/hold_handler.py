"""Steps that wait at the test's gate on a thread, and on the event loop."""

import asyncio

from gates.gate import greeting, process, wait_at_gate

from tasker_core.errors import PermanentError
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


def whereabouts(step: Step) -> StepHandlerCallResult:
    """Which attempt it was, and in which process."""
    return StepHandlerCallResult.success(results={"attempt": step.attempt, "process": process()})


class HoldHandler(StepHandlerBase):
    """Waits at `context.gate`."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Fails for good when the gate is closed."""
        wait_at_gate(task, step)
        return whereabouts(step)


class AsyncHoldHandler(StepHandlerBase):
    """Waits at `context.gate` on the event loop."""

    async def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Fails for good when the gate is closed."""
        host, _, port = task.context["gate"].rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(greeting(task, step))
        answer = await reader.readline()
        writer.close()
        if answer != b"go\n":
            raise PermanentError("the gate is closed", error_code="GATE_CLOSED")
        return whereabouts(step)
