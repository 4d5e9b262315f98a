"""Whether a class can be run as a handler, asked before it is given its first attempt."""

import difflib
import inspect
from collections.abc import Collection
from types import MethodType
from typing import Any

from tasker_core.errors import DeclarationError
from tasker_core.step_handler.base import StepHandlerBase
from tasker_core.step_handler.function import FunctionHandler
from tasker_core.step_handler.typed import TypedStepHandler


def problem(handler: type[StepHandlerBase], method: str = "call") -> str | None:
    """Why the worker could not make the handler and call its method; None when it can.

    Says where the code is and what is wanted.
    """
    return class_problem(handler) or _method_problem(handler, method)


def class_problem(handler: type[StepHandlerBase]) -> str | None:
    """Why no instance could be made and prepared, whatever method is called."""
    name = f"{handler.__module__}.{handler.__qualname__}"
    if abstract := sorted(getattr(handler, "__abstractmethods__", ())):
        return f"{name}{_place(handler)} is abstract: it does not define {', '.join(abstract)}"
    try:
        inspect.signature(handler).bind()
    except TypeError as error:
        return (
            f"{name}{_place(handler.__init__)} cannot be made without arguments ({error}), and "
            "each attempt makes an instance; wanted: __init__(self)"
        )
    if issubclass(handler, TypedStepHandler):
        if handler.run is TypedStepHandler.run:
            place = _place(handler)
            return f"{name}{place} has no method 'run'; wanted: run(self, context, step, ...)"
        try:
            handler.input_models()
        except DeclarationError as error:
            return f"{name}{_place(handler.run)}: {error}"
    return None


def unknown_inputs(handler: type[StepHandlerBase], steps: Collection[str]) -> str | None:
    """Which results a typed handler needs though no step of a template gives them; None when none.

    `steps` are the template's. What may be absent is left out: another template may have it.
    """
    if not (isinstance(handler, type) and issubclass(handler, TypedStepHandler)):
        return None
    unknown = [name for name in handler.needs() if not _is_step(name, steps)]
    if not unknown:
        return None
    sentences = []
    for name in unknown:
        near = difflib.get_close_matches(name, steps, 1)
        sentences.append(f"{name!r}{f', did you mean {near[0]!r}?' if near else ''}")
    return (
        f"run{_place(handler.run)} takes results of no step of the template: "
        f"{'; '.join(sentences)}; its steps are {', '.join(steps)}"
    )


def _is_step(name: str, steps: Collection[str]) -> bool:
    """Whether it is a step's name, or one of a batch of the step's."""
    base, _, number = name.rpartition("_")
    return name in steps or (number.isdecimal() and base in steps)


def is_abstract(handler: type[StepHandlerBase], method: str = "call") -> bool:
    """Whether the class is for others to derive from."""
    # Python itself takes no notice of an abstract method in a class that is no ABC.
    declared = getattr(getattr(handler, method, None), "__isabstractmethod__", False)
    return inspect.isabstract(handler) or bool(declared)


def _method_problem(handler: type[StepHandlerBase], method: str) -> str | None:
    static = inspect.getattr_static(handler, method, None)
    takes_self = not isinstance(static, staticmethod | classmethod)
    arguments = ["self", "task", "sequence", "step"] if takes_self else ["task", "sequence", "step"]
    owner = f"{handler.__module__}.{handler.__qualname__}"
    is_function = issubclass(handler, FunctionHandler)
    called = handler.__name__ if is_function else method
    wanted = f"wanted: {called}({', '.join(arguments)})"
    target: Any = getattr(handler, method, None)
    if target is None or target is StepHandlerBase.call:
        return f"{owner}{_place(handler)} has no method {method!r}; {wanted}"
    name = (owner if is_function else f"{owner}.{method}") + _place(target)
    if not callable(target):
        return f"{name} is {target!r}, no method; {wanted}"
    if method == "run" and issubclass(handler, TypedStepHandler):
        return f"{name} takes models, and is called by `call`: the template needs no `method`"
    if is_abstract(handler, method):
        return f"{name} is abstract: a class with a {method} of its own is wanted"
    if inspect.isgeneratorfunction(target) or inspect.isasyncgenfunction(target):
        return f"{name} is a generator, which has no result: it has `yield` where `return` is meant"
    if (wrong := _parameters_problem(target, arguments)) is not None:
        return f"{name} takes {wrong}; {wanted}"
    return None


def _parameters_problem(target: Any, arguments: list[str]) -> str | None:
    """The parameters that do not take these arguments, and why."""
    while True:
        try:
            signature = inspect.signature(target, follow_wrapped=False)
        except ValueError:
            # Code that is not written in Python may hide its parameters.
            return None
        try:
            signature.bind(*arguments)
        except TypeError as error:
            return f"{signature}: {error}"
        # A decorator that takes what comes hands it on; one with parameters of its own may not.
        kinds = {parameter.kind for parameter in signature.parameters.values()}
        within = getattr(target, "__wrapped__", None)
        if within is None or inspect.Parameter.VAR_POSITIONAL not in kinds:
            return None
        target = MethodType(within, target.__self__) if inspect.ismethod(target) else within


def _place(target: Any) -> str:
    """Where the code is, as far as Python knows."""
    code = getattr(inspect.unwrap(target), "__code__", None) if callable(target) else None
    if code is not None:
        return f" ({code.co_filename}:{code.co_firstlineno})"
    try:
        return f" ({inspect.getsourcefile(target)})"
    except TypeError:
        return ""
