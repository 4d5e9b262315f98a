"""A task's results: what the steps returned that nothing depends on, as the handler's model.

The model names the steps, so nothing here needs the template. A step that did not run in a task is
left to the default of its field, or is None where the field may be; the steps of a batch are a list
in the order of their cursors. One that was resolved by hand has returned None.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from tasker_core.errors import InvalidInputError, NoResultsError
from tasker_core.step_handler.declaration import Model
from tasker_core.task_handler.json_types import json_types

if TYPE_CHECKING:
    from pydantic import BaseModel

    from tasker_core.task_handler.base import TaskHandlerBase

Results = TypeVar("Results", bound="BaseModel")


def read_results(
    handler: "type[TaskHandlerBase[Any, Results]]", returned: Mapping[str, Any], title: str
) -> Results:
    """The results of a task that has succeeded.

    `returned` has what each of its steps returned, by name and in creation order; `title` names the
    task in messages. NoResultsError with all that does not fit the model.
    """
    declared = handler.results_model()
    schema = declared.model_json_schema(mode="validation")
    found = {}
    for name, field in schema.get("properties", {}).items():
        types = json_types(field, schema)
        batches = _batches(name, returned)
        if name in returned:
            found[name] = returned[name]
        elif batches and (types is None or "array" in types):
            found[name] = batches
        elif name in schema.get("required", ()):
            if types is not None and "null" not in types:
                raise NoResultsError(
                    f"{title} has no results of {name!r}, which {declared.__qualname__} needs: the "
                    f"step did not run; give the field a default if it may not. The task's steps "
                    f"are {', '.join(returned)}"
                )
            found[name] = None
    try:
        results: Results = Model(declared, returned_by_step=True).read(found, "results")
    except InvalidInputError as error:
        raise NoResultsError(f"{title}: {error}") from None
    return results


def _batches(name: str, returned: Mapping[str, Any]) -> list[Any]:
    """What the steps returned that a batch worker of this name became."""
    return [
        results
        for step, results in returned.items()
        if step.startswith(f"{name}_") and step[len(name) + 1 :].isdecimal()
    ]
