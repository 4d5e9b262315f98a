"""Steps whose results have the size that the context asks for."""

from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


def text_of(size: int, letter: str) -> str:
    """A string whose JSON has `size` bytes, its quotes included."""
    return letter * ((size - 2) // len(letter.encode()))


class MakeHandler(StepHandlerBase):
    """Makes results, and metadata, of `context.results` and `context.metadata` bytes of JSON."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """`context.letter` fills them."""
        letter: str = task.context.get("letter", "x")
        metadata = None
        if "metadata" in task.context:
            braces = len('{"text": }')
            metadata = {"text": text_of(task.context["metadata"] - braces, letter)}
        return StepHandlerCallResult.success(
            results=text_of(task.context["results"], letter), metadata=metadata
        )


class MeasureHandler(StepHandlerBase):
    """How long the results of each step before this one are, and which letters they are made of."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        """Reads all of them, wherever they are kept."""
        found = {
            name: {"length": len(text), "letters": "".join(sorted(set(text)))}
            for name, text in sequence.items()
        }
        return StepHandlerCallResult.success(results=found)
