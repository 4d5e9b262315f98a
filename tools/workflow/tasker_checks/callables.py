"""The callables of a workflow's steps: each leads to a handler of the kind that its step is of."""

import difflib
import importlib
import inspect
import re
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path
from types import FunctionType
from typing import Any

from tasker_checks.report import Place, Report, place_of
from tasker_core import definition, task_handler
from tasker_core.errors import HandlerNotFoundError, InvalidHandlerError
from tasker_core.registry import Handler, HandlerRegistry, import_object, is_handler
from tasker_core.step_handler import BatchableHandler, BatchWorkerHandler, DecisionHandler
from tasker_core.step_handler.function import FunctionHandler, decorated

Json = dict[str, Any]

# The base class that says a handler's kind, by the type of step that it is for.
BASES: dict[str, type] = {
    "batch_worker": BatchWorkerHandler,
    "batchable": BatchableHandler,
    "decision": DecisionHandler,
}
# Of these a step without the base class comes to nothing.
NEEDED = ("batchable", "decision")
_WANTED = (
    "a handler is a subclass of StepHandlerBase, or a function with @step_handler; it takes task, "
    "sequence and step"
)
# What a function's code has in it that returns such an outcome.
WORDS = {"batchable": "batches", "decision": "create_steps"}


def resolve(outline: Json, registry: HandlerRegistry, report: Report) -> dict[str, Handler]:
    """The handlers of a template by its steps' names, as a worker would find them.

    Of a step that has different handlers in different environments, the one that is named last in
    the template's file.
    """
    found = {}
    for named in outline["handlers"]:
        place = Place(outline["file"], named["line"], named["column"])
        handler = _resolved(named, place, registry, report)
        if handler is not None:
            found[named["step"]] = handler
            _check_kind(named, handler, place, report)
            _check_inputs(outline, named, handler, place, report)
    return found


def check_task_handler(outline: Json, report: Report) -> None:
    """That the template's task handler exists and says what the template says, if it names one."""
    named = outline.get("task_handler")
    if named is None:
        return
    name = named["callable"]
    place = Place(outline["file"], named["line"], named["column"])
    try:
        handler = import_object(name)
        wrong = task_handler.problem(handler)
        differences = [] if wrong else task_handler.check(handler, outline["document"])
    except HandlerNotFoundError as error:
        message = f"the task handler leads nowhere: {_reason(error, name)}"
        report.problem(place, "UNKNOWN_TASK_HANDLER", message, _nearest(name))
        return
    except BaseException as error:  # a module may raise anything while it is imported.
        _import_failed(place, name, error, report)
        return
    if wrong is not None:
        hint = (
            "derive a class from TaskHandlerBase, with the template's namespace, name and version"
        )
        report.problem(place, "NO_TASK_HANDLER", f"{name}: {wrong}", hint)
    for difference in differences:
        where = place_of(handler)
        hint = f"change {name} ({where}) or the template, so that both say the same"
        report.problem(place, "TASK_HANDLER_DIFFERS", str(difference), hint)


def check_modules(files: Iterable[str], report: Report) -> dict[str, Any]:
    """Imports the workflow's own modules: what they are, by file."""
    modules = {}
    for file in files:
        name = module_name(file)
        if name is None:
            continue
        try:
            modules[file] = importlib.import_module(name)
        except BaseException as error:  # as above.
            _import_failed(Place(file, 1), name, error, report)
    return modules


def check_reached(modules: dict[str, Any], reached: Iterable[Handler], report: Report) -> None:
    """Warns of handlers in the workflow's own modules that no step of its templates calls."""
    called = set(reached)
    bases = {base for handler in called for base in handler.__mro__}
    for module in modules.values():
        for member in vars(module).values():
            if not isinstance(member, type | FunctionType) or member.__module__ != module.__name__:
                continue
            handler = decorated(member) or (member if is_handler(member) else None)
            if handler is None or handler in bases or definition.is_abstract(handler):
                continue
            report.warning(
                place_of(member),
                "UNREACHED_HANDLER",
                f"no step of the workflow's templates calls {member.__qualname__}",
                "name it in a step's `handler: {callable: ...}`, or remove it",
            )


def module_name(file: str) -> str | None:
    """The name by which a source file is imported, or None when it is on no import path."""
    path = Path(file).absolute()
    roots = [Path(entry).absolute() for entry in sys.path if entry]
    above = [root for root in roots if path.is_relative_to(root)]
    if not above:
        return None
    parts = list(
        path.relative_to(max(above, key=lambda root: len(root.parts))).with_suffix("").parts
    )
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else None


def _resolved(
    named: Json, place: Place, registry: HandlerRegistry, report: Report
) -> Handler | None:
    callable_name, step = named["callable"], named["step"]
    try:
        return registry.resolve(callable_name, named["method"])
    except InvalidHandlerError as error:
        message = f"the step {step!r} calls what is no handler: {_reason(error, callable_name)}"
        report.problem(place, "NO_HANDLER", message, _WANTED)
    except HandlerNotFoundError as error:
        message = f"the step {step!r} calls what is not there: {_reason(error, callable_name)}"
        report.problem(place, "UNKNOWN_CALLABLE", message, _nearest(callable_name))
    except BaseException as error:  # as above.
        _import_failed(place, callable_name, error, report)
    return None


def _reason(error: HandlerNotFoundError, callable_name: str) -> str:
    """What the error says beyond the callable's name, without where in memory an object was."""
    told = str(error).removeprefix(f"no handler for the callable {callable_name!r}: ")
    return re.sub(r" at 0x[0-9a-f]+", "", told)


def _check_kind(named: Json, handler: Handler, place: Place, report: Report) -> None:
    step, step_type = named["step"], named["step_type"]
    name = handler.__qualname__
    what = f"the step {step!r} is of type {step_type}, and {name} ({place_of(handler)})"
    is_function = issubclass(handler, FunctionHandler)
    wanted = BASES.get(step_type)
    if step_type in NEEDED and wanted is not None and not issubclass(handler, wanted):
        word = WORDS[step_type]
        if is_function and word in _source(handler.__dict__["call"].__func__):
            return
        way = (
            f"return StepHandlerCallResult.success({word}=...)"
            if is_function
            else f"derive it from {wanted.__name__}"
        )
        report.problem(
            place,
            "WRONG_KIND",
            f"{what} is no {wanted.__name__}",
            f"{way}, or give the step another type",
        )
    for other, base in BASES.items():
        if (
            other != step_type
            and issubclass(handler, base)
            and not (wanted and issubclass(handler, wanted))
        ):
            report.problem(
                place,
                "WRONG_KIND",
                f"{what} is a {base.__name__}",
                f"give the step the type {other}, or derive {name} from another class",
            )


def _check_inputs(
    outline: Json, named: Json, handler: Handler, place: Place, report: Report
) -> None:
    if named["method"] != "call":
        return
    steps = sorted({each["step"] for each in outline["handlers"]})
    unknown = definition.unknown_inputs(handler, steps)
    if unknown is not None:
        report.problem(
            place, "UNKNOWN_INPUT", unknown, "name the parameter after a step before this one"
        )


def _import_failed(place: Place, name: str, error: BaseException, report: Report) -> None:
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "importlib" not in frame.filename
    ]
    where = Place(frames[-1].filename, frames[-1].lineno or 1)
    if isinstance(error, SyntaxError) and error.filename:
        where = Place(error.filename, error.lineno or 1)
    if where in report.failed_imports:
        return
    report.failed_imports.add(where)
    reason = traceback.format_exception_only(error)[-1].strip()
    report.problem(
        place,
        "IMPORT_FAILED",
        f"{name} cannot be imported: {reason} ({where})",
        "correct the module; what it imports is to be among the workflow's `deps`",
    )


def _nearest(callable_name: str) -> str:
    """The name in the module that is most like the one that is not there."""
    module_path, _, attribute = callable_name.rpartition(".")
    module = sys.modules.get(module_path)
    names = [name for name in vars(module) if not name.startswith("_")] if module else []
    near = difflib.get_close_matches(attribute, names, 1)
    if near:
        return f"did you mean {module_path}.{near[0]}?"
    return "is its file among the workflow's `handlers` or `deps`, and its folder in `imports`?"


def _source(target: Any) -> str:
    try:
        return inspect.getsource(target)
    except (OSError, TypeError):
        return ""
