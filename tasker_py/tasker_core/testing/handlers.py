"""Which handler each step has: the test's own, or the one that a worker would find."""

import os
from collections.abc import Callable, Mapping
from typing import Any, cast

from tasker_core import definition
from tasker_core.errors import InvalidHandlerError, WorkflowTestError
from tasker_core.registry import Handler, HandlerRegistry
from tasker_core.step_handler import StepHandlerBase
from tasker_core.step_handler.function import FunctionHandler
from tasker_core.test_environment import add_to_import_path, handler_folders
from tasker_core.testing.template import TestedTemplate

HandlerLike = type[StepHandlerBase] | StepHandlerBase | Callable[..., Any]
"""A handler class, an instance that serves every attempt, or a function of task, sequence, step."""


class StepHandlers:
    """The handler of each step: what the test gives for its name or callable, else the one that the
    default registry or the callable's import path leads to."""

    def __init__(self, template: TestedTemplate, overrides: Mapping[str, HandlerLike]) -> None:
        self._template = template
        self._of_step: dict[str, OneHandler] = {}
        _require_known(template, overrides)
        if any(_override(name, step, overrides) is None for name, step in template.steps.items()):
            # As the worker does it.
            add_to_import_path(handler_folders(os.environ.get("TASKER_HANDLER_PATH", "")))
        for name, step in template.steps.items():
            callable_name, method = step["callable"], step["method"]
            override = _override(name, step, overrides)
            handler = (
                HandlerRegistry.default().resolve(callable_name, method)
                if override is None
                else _as_handler(name, override, method)
            )
            unknown = definition.unknown_inputs(handler, list(template.steps))
            if unknown is not None and method == "call":
                raise InvalidHandlerError(callable_name, unknown)
            self._of_step[name] = OneHandler(handler)

    def of(self, step_name: str) -> "OneHandler":
        """What `attempt.prepare` asks for the step's handler."""
        return self._of_step[self._template.declared(step_name)]


def _override(
    name: str, step: Mapping[str, Any], overrides: Mapping[str, HandlerLike]
) -> HandlerLike | None:
    """What the test gives for a step: by its name, else by its callable."""
    return overrides.get(name, overrides.get(step["callable"]))


def _require_known(template: TestedTemplate, overrides: Mapping[str, HandlerLike]) -> None:
    callables = {step["callable"] for step in template.steps.values()}
    unknown = [name for name in overrides if name not in template.steps and name not in callables]
    if unknown:
        known = ", ".join(f"{name} ({step['callable']})" for name, step in template.steps.items())
        raise WorkflowTestError(
            f"`handlers` names {', '.join(map(repr, unknown))}, which is neither a step nor a "
            f"callable of the template; its steps are {known}"
        )


class OneHandler(HandlerRegistry):
    """A registry in which every callable leads to the same handler."""

    def __init__(self, handler: Handler) -> None:
        super().__init__()
        self._handler = handler

    def resolve(self, callable_name: str, method: str = "call") -> Handler:
        """The handler."""
        return self._handler


class _Instance:
    """Passes for a handler class of which there is one instance only."""

    def __init__(self, instance: StepHandlerBase) -> None:
        self._instance = instance

    def __call__(self) -> StepHandlerBase:
        return self._instance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._instance, name)


def _as_handler(step_name: str, override: HandlerLike, method: str) -> Handler:
    if isinstance(override, StepHandlerBase):
        if not callable(getattr(override, method, None)):
            raise InvalidHandlerError(step_name, f"{override!r} has no method {method!r}")
        return cast("Handler", _Instance(override))
    if isinstance(override, type) and issubclass(override, StepHandlerBase):
        handler: Handler = override
    elif callable(override):
        name = getattr(override, "__name__", type(override).__name__)
        members = {"__module__": override.__module__, method: staticmethod(override)}
        handler = type(name, (FunctionHandler,), members)
    else:
        raise InvalidHandlerError(
            step_name,
            f"{override!r} is no handler; wanted: a class, an instance or a function of task, "
            "sequence and step",
        )
    problem = definition.problem(handler, method)
    if problem is not None:
        raise InvalidHandlerError(step_name, problem)
    return handler
