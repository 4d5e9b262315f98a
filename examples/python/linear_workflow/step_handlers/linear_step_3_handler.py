"""Multiplies the second step's result by 3."""

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class LinearStep3Handler(StepHandlerBase):
    """n becomes 3n."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Never fails."""
        number: int = sequence["linear_step_2"]["result"]
        output = number * 3
        return StepHandlerCallResult.success(
            results={"result": output},
            metadata={
                "operation": "multiply",
                "inputs": {"linear_step_2": number},
                "output": output,
            },
        )
