"""Functions become handlers under a name, and stay functions."""

import inspect
from typing import Any

import pytest

from tasker_core.errors import HandlerConflictError, InvalidHandlerError
from tasker_core.registry import HandlerRegistry
from tasker_core.step_handler import step_handler
from tasker_core.types import Sequence, Step, Task

ARGUMENTS = (Task(context={"n": 2}), Sequence(), Step(step_name="s"))


@pytest.fixture(autouse=True)
def default_registry(monkeypatch: pytest.MonkeyPatch) -> HandlerRegistry:
    registry = HandlerRegistry()
    monkeypatch.setattr(HandlerRegistry, "_default", registry)
    return registry


def test_a_function_is_registered_and_stays_what_it_is(default_registry: HandlerRegistry) -> None:
    @step_handler("math.double")
    def double(task: Task, sequence: Sequence, step: Step) -> dict[str, int]:
        """Doubles n."""
        return {"result": task.context["n"] * 2}

    assert double(*ARGUMENTS) == {"result": 4}
    handler = default_registry.resolve("math.double")
    assert handler().call(*ARGUMENTS) == {"result": 4}
    assert (handler.__doc__, handler.__name__) == ("Doubles n.", "double")


def test_an_async_function_is_an_async_handler(default_registry: HandlerRegistry) -> None:
    @step_handler("math.double")
    async def double(task: Task, sequence: Sequence, step: Step) -> dict[str, int]:
        return {}

    assert inspect.iscoroutinefunction(default_registry.resolve("math.double").call)


def test_a_function_may_have_several_names(default_registry: HandlerRegistry) -> None:
    @step_handler("b")
    @step_handler("a")
    def handle(task: Task, sequence: Sequence, step: Step) -> dict[str, int]:
        return {}

    assert default_registry.resolve("a") is default_registry.resolve("b")
    assert default_registry.list_handlers() == ["a", "b"]


def test_a_name_is_given_once() -> None:
    @step_handler("math.double")
    def first(task: Task, sequence: Sequence, step: Step) -> dict[str, int]:
        return {}

    with pytest.raises(
        HandlerConflictError, match=r"'math\.double' is registered already, for .*first"
    ):

        @step_handler("math.double")
        def second(task: Task, sequence: Sequence, step: Step) -> dict[str, int]:
            return {}


def test_a_wrong_function_is_refused_where_it_is_decorated() -> None:
    with pytest.raises(InvalidHandlerError) as raised:

        @step_handler("math.double")
        def double(task: Task) -> dict[str, int]:
            return {}

    message = str(raised.value)
    assert message.startswith("no handler for the callable 'math.double': ")
    assert f"double ({__file__}:" in message
    assert message.endswith(
        "takes (task: tasker_core.types.Task) -> dict[str, int]: too many positional arguments; "
        "wanted: double(task, sequence, step)"
    )


def test_only_functions_are_decorated() -> None:
    decorate: Any = step_handler("math.double")
    with pytest.raises(
        InvalidHandlerError, match="@step_handler is for functions, and <class 'int'"
    ):
        decorate(int)
