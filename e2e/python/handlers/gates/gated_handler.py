"""Any handler, behind the test's gate."""

from typing import Any

from gates.gate import wait_at_gate
from tasker_core.registry import HandlerRegistry
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, Task


class GatedHandler(StepHandlerBase):
    """Waits at the gate, then does what the handler does that its configuration names."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> Any:
        """Fails for good when the gate is closed, and as the other handler does."""
        wait_at_gate(task, step)
        handler = HandlerRegistry.default().resolve(self.configuration["handler"])
        return handler().call(task, sequence, step)
