"""Functions as handlers: the decorator `step_handler`."""

from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar

from tasker_core.errors import InvalidHandlerError
from tasker_core.step_handler.base import StepHandlerBase

Function = Callable[..., Any]
F = TypeVar("F", bound=Function)

_ATTRIBUTE = "__step_handler__"


class FunctionHandler(StepHandlerBase):
    """What the registry knows a function as: a subclass whose `call` is the function."""

    names: tuple[str, ...] = ()
    """The callables that its decorators name."""


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
    handler: type[FunctionHandler] | None = function.__dict__.get(_ATTRIBUTE)
    if handler is None:
        members = {
            "__doc__": function.__doc__,
            "__module__": function.__module__,
            "__qualname__": function.__qualname__,
            "call": staticmethod(function),
        }
        handler = type(function.__name__, (FunctionHandler,), members)
        function.__dict__[_ATTRIBUTE] = handler
    return handler


def decorated(value: object) -> type[FunctionHandler] | None:
    """The handler that `step_handler` made of a function."""
    if isinstance(value, FunctionType) and (handler := value.__dict__.get(_ATTRIBUTE)):
        found: type[FunctionHandler] = handler
        return found if found.names else None
    return None
