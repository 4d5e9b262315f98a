"""From the callable that a template names to the handler class."""

import importlib
import pkgutil
import threading
from types import FunctionType, ModuleType
from typing import Any, ClassVar, TypeGuard

from tasker_core import definition, module_files, step_handler
from tasker_core.errors import HandlerConflictError, HandlerNotFoundError, InvalidHandlerError
from tasker_core.serialization import shown
from tasker_core.step_handler.base import StepHandlerBase
from tasker_core.step_handler.function import Function, decorated, of_function

Handler = type[StepHandlerBase]


class HandlerRegistry:
    """Finds handlers: by a registered name first, else by import path.

    Safe to use from several threads.
    """

    _default: ClassVar["HandlerRegistry | None"] = None

    def __init__(self) -> None:
        self._registered: dict[str, Handler] = {}
        # What was found and can be run, by callable and method.
        self._resolved: dict[tuple[str, str], Handler] = {}
        self._lock = threading.Lock()

    @classmethod
    def default(cls) -> "HandlerRegistry":
        """The registry that this process's worker uses."""
        if HandlerRegistry._default is None:
            HandlerRegistry._default = HandlerRegistry()
        return HandlerRegistry._default

    def register(self, callable_name: str, handler: Handler | Function) -> None:
        """Makes a name stand for a handler: a class, or a function of task, sequence and step.

        HandlerConflictError when the name stands for another one already; InvalidHandlerError when
        what is given can be no handler.
        """
        if isinstance(handler, FunctionType):
            found: Handler = of_function(handler)
            _require(callable_name, definition.problem(found))
        else:
            # Which of its methods is called is for templates to say.
            found = _handler_of(callable_name, handler)
            _require(callable_name, definition.class_problem(found))
        with self._lock:
            known = self._registered.setdefault(callable_name, found)
            self._resolved = {
                key: value for key, value in self._resolved.items() if key[0] != callable_name
            }
        if known is not found:
            place = module_files.described(known.__module__)
            raise HandlerConflictError(
                f"the callable {callable_name!r} is registered already, for "
                f"{known.__module__}.{known.__qualname__}{place}"
            )

    def is_registered(self, callable_name: str) -> bool:
        """Whether the name was registered; handlers that are found by import path need not be."""
        return callable_name in self._registered

    def list_handlers(self) -> list[str]:
        """The registered names, sorted."""
        return sorted(self._registered)

    def resolve(self, callable_name: str, method: str = "call") -> Handler:
        """The handler of this callable: the registered one, or what its import path leads to.

        Raises HandlerNotFoundError when it leads to nothing, InvalidHandlerError when it leads to
        what is no handler or has no such method that takes task, sequence and step, and whatever a
        module raises while it is imported.
        """
        key = (callable_name, method)
        handler = self._resolved.get(key)
        if handler is None:
            handler = self._registered.get(callable_name)
            if handler is None:
                handler = _handler_of(callable_name, import_object(callable_name))
            _require(callable_name, definition.problem(handler, method))
            with self._lock:
                # It may have been registered meanwhile.
                if self._registered.get(callable_name, handler) is handler:
                    self._resolved[key] = handler
        return handler

    def discover(self, package: str | ModuleType) -> list[str]:
        """Imports a package with all its modules and registers the handlers that they define.

        A class goes by `module.Class`, a function by the name that `step_handler` gives it;
        abstract classes are passed over. Gives the names. Raises whatever a module raises while it
        is imported.
        """
        root = importlib.import_module(package) if isinstance(package, str) else package
        modules = [root]
        below = pkgutil.walk_packages(getattr(root, "__path__", ()), root.__name__ + ".")
        modules.extend(importlib.import_module(found.name) for found in below)
        found_handlers: dict[str, Handler] = {}
        for module in modules:
            for member in vars(module).values():
                if not isinstance(member, type | FunctionType):
                    continue
                if member.__module__ != module.__name__:
                    continue
                if (function := decorated(member)) is not None:
                    found_handlers.update(dict.fromkeys(function.names, function))
                elif is_handler(member) and not definition.is_abstract(member):
                    found_handlers[f"{member.__module__}.{member.__qualname__}"] = member
        for name, handler in found_handlers.items():
            self.register(name, handler)
        return sorted(found_handlers)


def is_handler(value: object) -> TypeGuard[Handler]:
    """Whether this is a class that may be a handler, and none that handlers are made from."""
    return (
        isinstance(value, type)
        and issubclass(value, StepHandlerBase)
        and not value.__module__.startswith(f"{step_handler.__name__}.")
    )


def _handler_of(callable_name: str, value: object) -> Handler:
    handler = decorated(value)
    if handler is not None:
        return handler
    if is_handler(value):
        return value
    if isinstance(value, FunctionType):
        remedy = f"a function is a handler with @step_handler({callable_name!r}) above it"
    else:
        remedy = "a handler is a subclass of tasker_core.step_handler.StepHandlerBase or a function"
    place = module_files.described(callable_name)
    raise InvalidHandlerError(callable_name, f"{shown(value)}{place} is no handler; {remedy}")


def _require(callable_name: str, problem: str | None) -> None:
    if problem is not None:
        raise InvalidHandlerError(callable_name, problem)


def import_object(path: str) -> Any:
    """What a dotted path names: the longest importable module, then attributes."""
    parts = path.split(".")
    if not all(part.isidentifier() for part in parts):
        raise HandlerNotFoundError(path, "it is neither registered nor a dotted import path")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        try:
            value: Any = importlib.import_module(name)
        except ModuleNotFoundError as error:
            # Only the absence of the very module asked for: one that it imports in turn is the
            # user's to see.
            if error.name is not None and (name == error.name or name.startswith(error.name + ".")):
                continue
            raise
        for index, attribute in enumerate(parts[length:], start=length):
            try:
                value = getattr(value, attribute)
            except AttributeError:
                where = ".".join(parts[:index])
                reason = f"{where!r} ({module_files.file_of(name)}) has no {attribute!r}"
                for file in module_files.hidden(name):
                    reason += f"; {file} cannot be imported by that name: rename it"
                raise HandlerNotFoundError(path, reason) from None
        return value
    raise HandlerNotFoundError(
        path,
        f"there is no module {parts[0]!r}; is its folder in TASKER_HANDLER_PATH, or the worker "
        "given the module that registers the name?",
    )
