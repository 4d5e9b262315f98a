"""What a task does and comes to, as lines for people."""

from collections.abc import Sequence
from typing import Any

from tasker_core.client.models import Step, TaskEvent
from tasker_core.client.states import StepState
from tasker_core.serialization import integers_of_any_size, to_json, to_utf8

# How a step's attempt can end.
_ENDED = (
    StepState.COMPLETE,
    StepState.ERROR,
    StepState.WAITING_FOR_RETRY,
    StepState.CANCELLED,
    StepState.RESOLVED_MANUALLY,
)


def event_line(event: TaskEvent) -> str | None:
    """A line for the end of a step's attempt; None for what is on the way there."""
    if event.kind == "task" or event.state not in _ENDED:
        return None
    failure = ""
    if event.error_message is not None:
        failure = f": attempt {event.attempt}: {shown(event.error_message)}"
    return f"  {event.step_name:<24}{event.state}{failure}"


def result_lines(steps: Sequence[Step]) -> list[str]:
    """What a task came to: the results of the steps that no other depends on."""
    parents = {parent for step in steps for parent in step.parents}
    last = [step for step in steps if step.step_name not in parents]
    if len(last) == 1:
        results = last[0].results
        if isinstance(results, dict) and list(results) == ["result"]:
            results = results["result"]
        return [f"result: {json_line(results)}"]
    return [f"result of {step.step_name}: {json_line(step.results)}" for step in last]


def json_line(value: Any) -> str:
    """The JSON of a value that the API has shown, in one line."""
    with integers_of_any_size():
        return shown(to_json(value, "value"))


def shown(text: str) -> str:
    """Text as any terminal takes it: half a surrogate pair is shown as its escape."""
    return to_utf8(text).decode()
