"""A step whose first attempt takes its process with it."""

import os
import signal

from gates.gate import wait_at_gate

from lifecycle.hold_handler import whereabouts
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class DieHandler(StepHandlerBase):
    """Waits at `context.gate`; the first attempt then kills the process that runs it."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Fails for good when the gate is closed."""
        wait_at_gate(task, step)
        if step.attempt == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return whereabouts(step)
