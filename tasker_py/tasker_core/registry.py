"""From the callable that a template names to the handler class."""

import importlib
import inspect
import pkgutil
import threading
from types import ModuleType
from typing import Any, ClassVar, TypeGuard

from tasker_core.errors import HandlerNotFoundError
from tasker_core.step_handler import StepHandlerBase

Handler = type[StepHandlerBase]


class HandlerRegistry:
    """Finds handlers: by a registered name first, else by import path.

    Safe to use from several threads.
    """

    _default: ClassVar["HandlerRegistry | None"] = None

    def __init__(self) -> None:
        self._registered: dict[str, Handler] = {}
        self._imported: dict[str, Handler] = {}
        self._lock = threading.Lock()

    @classmethod
    def default(cls) -> "HandlerRegistry":
        """The registry that this process's worker uses."""
        if HandlerRegistry._default is None:
            HandlerRegistry._default = HandlerRegistry()
        return HandlerRegistry._default

    def register(self, callable_name: str, handler: Handler) -> None:
        """Makes a name stand for a handler.

        ValueError when the name stands for another one already.
        """
        _require_handler(callable_name, handler)
        with self._lock:
            known = self._registered.setdefault(callable_name, handler)
        if known is not handler:
            raise ValueError(
                f"the callable {callable_name!r} is registered already, for "
                f"{known.__module__}.{known.__qualname__}"
            )

    def is_registered(self, callable_name: str) -> bool:
        """Whether the name was registered; handlers that are found by import path need not be."""
        return callable_name in self._registered

    def list_handlers(self) -> list[str]:
        """The registered names, sorted."""
        return sorted(self._registered)

    def resolve(self, callable_name: str) -> Handler:
        """The handler of this callable: the registered one, or what its import path leads to.

        Raises HandlerNotFoundError when it leads to nothing or to something that is no handler, and
        whatever a module raises while it is imported.
        """
        handler = self._registered.get(callable_name) or self._imported.get(callable_name)
        if handler is None:
            handler = _require_handler(callable_name, import_object(callable_name))
            self._imported[callable_name] = handler
        return handler

    def discover(self, package: str | ModuleType) -> list[str]:
        """Imports a package with all its modules and registers its handlers as `module.Class`.

        Gives the names. Raises whatever a module raises while it is imported.
        """
        root = importlib.import_module(package) if isinstance(package, str) else package
        modules = [root]
        below = pkgutil.walk_packages(getattr(root, "__path__", ()), root.__name__ + ".")
        modules.extend(importlib.import_module(found.name) for found in below)
        found_handlers: dict[str, Handler] = {}
        for module in modules:
            for _, member in inspect.getmembers(module, inspect.isclass):
                if is_handler(member) and member.__module__ == module.__name__:
                    found_handlers[f"{member.__module__}.{member.__qualname__}"] = member
        for name, handler in found_handlers.items():
            self.register(name, handler)
        return sorted(found_handlers)


def is_handler(value: object) -> TypeGuard[Handler]:
    """Whether this is a class that a worker can run."""
    return (
        isinstance(value, type)
        and issubclass(value, StepHandlerBase)
        and value is not StepHandlerBase
    )


def _require_handler(callable_name: str, value: object) -> Handler:
    if not is_handler(value):
        raise HandlerNotFoundError(
            callable_name,
            f"{value!r} is not a subclass of tasker_core.step_handler.StepHandlerBase",
        )
    return value


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
                raise HandlerNotFoundError(path, f"{where!r} has no {attribute!r}") from None
        return value
    raise HandlerNotFoundError(
        path, f"there is no module {parts[0]!r}; is its folder in TASKER_HANDLER_PATH?"
    )
