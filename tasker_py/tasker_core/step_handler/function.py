"""Functions as handlers: the decorator `step_handler`."""

from collections.abc import Awaitable, Callable
from types import FunctionType
from typing import TypeVar

from tasker_core.errors import InvalidHandlerError
from tasker_core.step_handler.base import Returned, StepHandlerBase
from tasker_core.types import Sequence, Step, Task

Function = Callable[[Task, Sequence, Step], Returned | Awaitable[Returned]]
F = TypeVar("F", bound=Function)

_ATTRIBUTE = "__step_handler__"


class FunctionHandler(StepHandlerBase):
    """What the registry knows a function as: a subclass whose `call` is the function."""

    names: tuple[str, ...] = ()
    """The callables that its decorators name."""
    wraps_one: bool = False
    """Whether the function is put around one that `step_handler` names."""


def step_handler(name: str) -> Callable[[F], F]:
    """Makes a function the handler of the callable `name`, in the process's default registry.

    The function takes task, sequence and step and may be `async def`. It stays what it is: tests
    call it like any other. HandlerConflictError when another handler has the name.
    """

    def decorate(function: F) -> F:
        # Not at the top: the registry is made of this package.
        from tasker_core.registry import HandlerRegistry

        if not isinstance(function, FunctionType):
            raise InvalidHandlerError(
                name,
                f"@step_handler is for functions, and {function!r} is none; a class is found by "
                "its import path, or by HandlerRegistry.default().register",
            )
        handler = of_function(function)
        handler.names += (name,)
        HandlerRegistry.default().register(name, function)
        return function

    return decorate


def of_function(function: FunctionType) -> type[FunctionHandler]:
    """The handler whose `call` is the function: always the same one."""
    marked: type[FunctionHandler] | None = function.__dict__.get(_ATTRIBUTE)
    # `functools.wraps` copies the attribute to the function around: there it is another's.
    if marked is not None and _function_of(marked) is function:
        return marked
    members = {
        "__doc__": function.__doc__,
        "__module__": function.__module__,
        "__qualname__": function.__qualname__,
        "call": staticmethod(function),
        "wraps_one": marked is not None and _is_named(marked),
    }
    handler: type[FunctionHandler] = type(function.__name__, (FunctionHandler,), members)
    function.__dict__[_ATTRIBUTE] = handler
    return handler


def decorated(value: object) -> type[FunctionHandler] | None:
    """The handler of a function that `step_handler` names, or that is put around such a one."""
    if isinstance(value, FunctionType) and _ATTRIBUTE in value.__dict__:
        found = of_function(value)
        return found if _is_named(found) else None
    return None


def _is_named(handler: type[FunctionHandler]) -> bool:
    return bool(handler.names) or handler.wraps_one


def _function_of(handler: type[FunctionHandler]) -> object:
    return handler.__dict__["call"].__func__
