"""Adds 10 to the first step's result."""

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class LinearStep2Handler(StepHandlerBase):
    """n becomes n + 10."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        number: int = sequence["linear_step_1"]["result"]
        output = number + 10
        return StepHandlerCallResult.success(
            results={"result": output},
            metadata={"operation": "add", "inputs": {"linear_step_1": number}, "output": output},
        )
