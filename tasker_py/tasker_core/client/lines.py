"""What a task does and comes to, as lines for people."""

from collections.abc import Collection, Sequence
from typing import Any

from tasker_core.client.models import Step, TaskEvent
from tasker_core.client.states import StepState
from tasker_core.serialization import integers_of_any_size, to_json, utf8_text

# How a step's attempt can end.
_ENDED = (
    StepState.COMPLETE,
    StepState.ERROR,
    StepState.WAITING_FOR_RETRY,
    StepState.CANCELLED,
    StepState.RESOLVED_MANUALLY,
)


def event_line(event: TaskEvent, failure: str | None) -> str | None:
    """A line for the end of a step's attempt, with why it failed; None for what is on the way."""
    if event.kind == "task" or event.state not in _ENDED:
        return None
    tail = "" if failure is None else f": attempt {event.attempt}: {utf8_text(failure)}"
    return f"  {event.step_name:<24}{event.state}{tail}"


def result_lines(steps: Sequence[Step], batch_workers: Collection[str]) -> list[str]:
    """What a task came to: the results of the steps that no other depends on.

    Those of the steps of a batch worker are a list, under its name. A single result with nothing
    but a key `result` is shown as that key's value.
    """
    parents = {parent for step in steps for parent in step.parents}
    results: dict[str, Any] = {}
    for step in steps:
        # Steps behind a batch worker have it as their parent, and not the steps of its batches.
        worker, _, number = step.step_name.rpartition("_")
        is_batch = worker in batch_workers and number.isdecimal()
        name = worker if is_batch else step.step_name
        if name in parents:
            continue
        if is_batch:
            results.setdefault(name, []).append(step.results)
        else:
            results[name] = step.results
    if len(results) != 1:
        return [f"result of {name}: {json_line(result)}" for name, result in results.items()]
    (result,) = results.values()
    if isinstance(result, dict) and list(result) == ["result"]:
        result = result["result"]
    return [f"result: {json_line(result)}"]


def json_line(value: Any) -> str:
    """The JSON of a value that the API has shown, in one line."""
    with integers_of_any_size():
        return utf8_text(to_json(value, "value"))
