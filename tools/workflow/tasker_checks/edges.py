"""The edges of a workflow's graph: what a typed handler takes of a step is what that step gives."""

from typing import Any

from pydantic import TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema

from tasker_checks.report import Place, Report, place_of
from tasker_checks.schema_fit import Schemas, written_schema
from tasker_core.registry import Handler
from tasker_core.step_handler import TypedStepHandler

Json = dict[str, Any]


def check(outline: Json, handlers: dict[str, Handler], report: Report) -> None:
    """Holds each typed handler's parameters against the graph, and against what steps return."""
    steps = {each["step"]: each for each in outline["handlers"]}
    for name, handler in handlers.items():
        if not issubclass(handler, TypedStepHandler) or steps[name]["method"] != "call":
            continue
        place = Place(outline["file"], steps[name]["line"], steps[name]["column"])
        before = _ancestors(name, steps)
        for parent, wanted in handler.input_models().items():
            if parent in steps and parent not in before:
                report.problem(
                    place,
                    "INPUT_IS_NOT_BEFORE",
                    f"{handler.__qualname__}.run ({place_of(handler.run)}) takes the results of "
                    f"{parent!r}, which does not run before {name!r}",
                    f"add {parent!r} to the dependencies of {name!r}, or of a step before it",
                )
            elif parent in handlers:
                is_batch = steps[parent]["step_type"] == "batch_worker"
                _check_edge(
                    parent, handlers[parent], wanted, is_batch, name, handler, place, report
                )


def _check_edge(
    parent: str,
    giver: Handler,
    wanted: Any,
    is_batch: bool,
    name: str,
    taker: type[TypedStepHandler[Any, Any]],
    place: Place,
    report: Report,
) -> None:
    if not issubclass(giver, TypedStepHandler):
        return
    one: Any = giver.output_model()
    given: Any = list[one] if is_batch else one
    if given == wanted:
        return
    misfits = _misfits(given, wanted)
    if misfits:
        report.problem(
            place,
            "INPUT_DOES_NOT_FIT",
            f"what {parent!r} gives does not fit what {name!r} takes: {'; '.join(misfits)}",
            f"{giver.__qualname__} gives {_name(given)} ({place_of(giver)}), "
            f"{taker.__qualname__}.run takes {_name(wanted)} ({place_of(taker.run)}): change one",
        )


def _misfits(given: Any, wanted: Any) -> list[str]:
    """Why what one model writes may not be read by another; nothing when that is not known."""
    try:
        written = written_schema(given)
        adapter = TypeAdapter(wanted)
        # Names are read as they were written, by the model's alias or by the field.
        readers = [
            adapter.json_schema(mode="validation"),
            adapter.json_schema(mode="validation", by_alias=False),
            adapter.json_schema(mode="serialization"),
        ]
    except PydanticInvalidForJsonSchema:
        return []
    found = [Schemas(written, read).misfits() for read in readers]
    return [] if not all(found) else found[0]


def _ancestors(name: str, steps: dict[str, Json]) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for parent in steps[waiting.pop()]["dependencies"]:
            if parent in steps and parent not in found:
                found.add(parent)
                waiting.append(parent)
    return found


def _name(model: Any) -> str:
    return model.__name__ if isinstance(model, type) else str(model)
