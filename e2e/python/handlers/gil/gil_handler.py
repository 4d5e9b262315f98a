"""A step that holds the interpreter's lock as a careless extension module would."""

import ctypes

from gates.gate import process, wait_at_gate

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class GilHandler(StepHandlerBase):
    """Waits at `context.gate`, then keeps the lock for `context.seconds`."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """`PyDLL`, unlike `CDLL`, does not release the lock around a call."""
        wait_at_gate(task, step)
        ctypes.PyDLL(None).sleep(task.context["seconds"])
        return StepHandlerCallResult.success(
            results={"attempt": step.attempt, "process": process()}
        )
