"""Steps that return what they were given."""

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class EchoContextHandler(StepHandlerBase):
    """The task's context, as results and as metadata."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Only a mapping can be metadata."""
        metadata = task.context if isinstance(task.context, dict) else None
        return StepHandlerCallResult.success(results=task.context, metadata=metadata)


class EchoResultsHandler(StepHandlerBase):
    """The results of the step that `of` names."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """That step has run: this one depends on it."""
        return StepHandlerCallResult.success(results=sequence[self.configuration["of"]])


class LookHandler(StepHandlerBase):
    """Looks at a context that cannot be returned as it is."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Shows each value of the context as Python does."""
        shown = {key: repr(value) for key, value in task.context.items()}
        return StepHandlerCallResult.success(results=shown)
