"""Which handler each step has: the test's own, or the one that a worker would find."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from tasker_core.errors import WorkflowTestError
from tasker_core.registry import Handler, HandlerRegistry
from tasker_core.step_handler import StepHandlerBase

HandlerLike = type[StepHandlerBase] | StepHandlerBase | Callable[..., Any]
"""A handler class, an instance that serves every attempt, or a function of task, sequence, step."""


class StepHandlers(HandlerRegistry):
    """A registry with one entry for each step: what the test gives for its name or callable, else
    the handler in the default registry or at the callable's import path."""

    def __init__(self, template: dict[str, Any], overrides: Mapping[str, HandlerLike]) -> None:
        super().__init__()
        self._of_step: dict[str, Handler] = {}
        self._batched = {step["name"] for step in template["steps"] if step["batched"]}
        unused = dict(overrides)
        for step in template["steps"]:
            name, callable_name, method = step["name"], step["callable"], step["method"]
            unused.pop(name, None)
            unused.pop(callable_name, None)
            override = overrides.get(name, overrides.get(callable_name))
            self._of_step[name] = (
                HandlerRegistry.default().resolve(callable_name)
                if override is None
                else _as_handler(override, method)
            )
        if unused:
            known = ", ".join(f"{step['name']} ({step['callable']})" for step in template["steps"])
            raise WorkflowTestError(
                f"`handlers` names {', '.join(map(repr, unused))}, which is neither a step nor a "
                f"callable of the template; its steps are {known}"
            )

    def of(self, step_name: str) -> "OneHandler":
        """What `attempt.prepare` asks for the handler of a step, a batch's step too."""
        if step_name not in self._of_step:
            step_name = step_name.rpartition("_")[0]
        return OneHandler(self._of_step[step_name])

    def is_step(self, step_name: str) -> bool:
        """Whether the workflow can have a step of this name."""
        base, _, number = step_name.rpartition("_")
        return step_name in self._of_step or (base in self._batched and number.isdigit())


class OneHandler(HandlerRegistry):
    """A registry in which every callable leads to the same handler."""

    def __init__(self, handler: Handler) -> None:
        super().__init__()
        self._handler = handler

    def resolve(self, callable_name: str) -> Handler:
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


def _as_handler(override: HandlerLike, method: str) -> Handler:
    if isinstance(override, type) and issubclass(override, StepHandlerBase):
        return override
    if isinstance(override, StepHandlerBase):
        return cast("Handler", _Instance(override))
    if not callable(override):
        raise WorkflowTestError(
            f"{override!r} is no handler: give a class, an instance or a function of task, "
            "sequence and step"
        )
    name = getattr(override, "__name__", type(override).__name__)
    return type(name, (StepHandlerBase,), {method: staticmethod(override)})
