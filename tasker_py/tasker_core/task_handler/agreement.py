"""Whether a task handler and its template say the same of the workflow.

Nobody may find out from a task that fails: the worker, a WorkflowTest and the build ask here.
"""

import difflib
import inspect
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tasker_core.errors import DeclarationError
from tasker_core.serialization import shown
from tasker_core.task_handler.base import TaskHandlerBase
from tasker_core.task_handler.json_types import json_types
from tasker_core.task_handler.schema_difference import SchemaDifference

_IDENTITY = {"namespace": "namespace_name", "name": "name", "version": "version"}

Json = Mapping[str, Any]
TaskHandler = type[TaskHandlerBase[Any, Any]]


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing of which the two say different things."""

    path: str
    """Where: `version`, `input_schema.properties.amount.type`, `results.ship_order`."""
    handler: str
    """What the task handler says."""
    template: str
    """What the template says."""

    def __str__(self) -> str:
        return f"{self.path}: the task handler says {self.handler}, the template {self.template}"


def problem(value: object) -> str | None:
    """Why something that a template names as its task handler is none; None when it is one.

    Says where the code is and what is wanted.
    """
    if not (isinstance(value, type) and issubclass(value, TaskHandlerBase)):
        return (
            f"{shown(value)} is no task handler; wanted: a subclass of "
            "tasker_core.task_handler.TaskHandlerBase"
        )
    name = f"{value.__module__}.{value.__qualname__}{_place(value)}"
    if value is TaskHandlerBase:
        return f"{name} is what task handlers derive from; wanted: a subclass of it"
    missing = [word for word in _IDENTITY if not isinstance(getattr(value, word, None), str)]
    if missing:
        return f"{name} does not say its {', '.join(missing)}; wanted: {missing[0]} = '...'"
    try:
        models = value.context_model(), value.results_model()
    except DeclarationError as error:
        return f"{name}: {error}"
    # Not at the top: this takes pydantic.
    from pydantic import PydanticUserError

    for model in models:
        try:
            model.model_json_schema(mode="validation")
        except PydanticUserError as error:
            return f"{name}: {model.__qualname__} has no JSON Schema: {error.message}"
    return None


def check(handler: TaskHandler, template: Json) -> list[Difference]:
    """Every difference between a task handler, of which `problem` knows none, and its template.

    `template` is the document, environments not merged, as `_native.template_check` gives it:
    `{"namespace_name", "name", "version", "input_schema", "steps": [{"name", "type",
    "dependencies"}]}`. Without an `input_schema` nothing is said of the context.
    """
    return [
        *_identity_differences(handler, template),
        *_context_differences(handler, template),
        *_results_differences(handler, template),
    ]


def _identity_differences(handler: TaskHandler, template: Json) -> Iterator[Difference]:
    for ours, theirs in _IDENTITY.items():
        if (said := getattr(handler, ours)) != template[theirs]:
            yield Difference(ours, repr(said), repr(template[theirs]))


def _context_differences(handler: TaskHandler, template: Json) -> Iterator[Difference]:
    if "input_schema" not in template:
        return
    compared = SchemaDifference(handler.input_schema(), template["input_schema"])
    for place in compared.places("input_schema"):
        yield Difference(*place)


def _results_differences(handler: TaskHandler, template: Json) -> Iterator[Difference]:
    steps = {step["name"]: step for step in template["steps"]}
    last = last_steps(template)
    schema = handler.results_model().model_json_schema(mode="validation")
    for name, field in schema.get("properties", {}).items():
        path, types = f"results.{name}", json_types(field, schema)
        if name not in last:
            yield Difference(path, "a field", _why_not_last(name, steps, last))
            continue
        is_needed = name in schema.get("required", ()) and types is not None and "null" not in types
        if steps[name].get("type") == "batch_worker":
            if types is not None and "array" not in types:
                yield Difference(path, "a single value", "a batch worker: list[...]")
            if is_needed:
                yield Difference(path, "a field without a default", "that there may be no batches")
        elif is_needed and _may_not_run(name, steps):
            yield Difference(
                path, "a field without a default", "that a decision may not choose the step"
            )


def last_steps(template: Json) -> list[str]:
    """The steps of a template that no other depends on, in its order: a task's results."""
    named = {parent for step in template["steps"] for parent in step.get("dependencies", ())}
    return [step["name"] for step in template["steps"] if step["name"] not in named]


def _why_not_last(name: str, steps: Mapping[str, Json], last: Collection[str]) -> str:
    if name in steps:
        after = [each for each, step in steps.items() if name in step.get("dependencies", ())]
        said = f"a step before {', '.join(after)}"
    else:
        near = difflib.get_close_matches(name, last, 1)
        said = f"no such step{f', did you mean {near[0]!r}?' if near else ''}"
    return f"{said} (nothing depends on {', '.join(last)})"


def _may_not_run(name: str, steps: Mapping[str, Json]) -> bool:
    """Whether a decision may leave the step out.

    A convergence is taken to run: what is not chosen it does without.
    """
    waiting, seen = [name], set[str]()
    while waiting:
        step = steps[waiting.pop()]
        if step["name"] in seen or step.get("type") == "deferred_convergence":
            continue
        seen.add(step["name"])
        parents = step.get("dependencies", ())
        if any(steps[parent].get("type") == "decision" for parent in parents):
            return True
        waiting += parents
    return False


def _place(handler: type) -> str:
    """Where the class is, as far as Python knows."""
    try:
        lines = inspect.getsourcelines(handler)
        return f" ({inspect.getsourcefile(handler)}:{lines[1]})"
    except (OSError, TypeError):
        return ""
