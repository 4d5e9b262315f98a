"""Squares the task's input, for both branches."""

from numeric_steps import computed, even_number

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class TreeRootHandler(StepHandlerBase):
    """n becomes n squared, for `{"even_number": n}`, an even integer of any size."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Fails for good when the input is missing, no integer, or odd."""
        number = even_number(task)
        return computed("square", {"even_number": number}, number**2)
