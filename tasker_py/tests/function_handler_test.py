"""Functions become handlers under a name, and stay functions."""

import functools
import inspect
import sys
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

        @step_handler("math.double")  # type: ignore[type-var]
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


def committed(function: Any) -> Any:
    """An ordinary decorator: it is put around what the function does."""

    @functools.wraps(function)
    def within(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        return {**function(task, sequence, step), "committed": True}

    return within


@committed
@step_handler("orders.below")
def above(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
    return {"shipped": 1}


def test_a_decorator_around_a_handler_is_part_of_what_is_registered(
    default_registry: HandlerRegistry,
) -> None:
    @step_handler("orders.plain")
    def plain(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        return {"shipped": 1}

    default_registry.register("orders.wrapped", committed(plain))
    wrapped, inner = (
        default_registry.resolve("orders.wrapped"),
        default_registry.resolve("orders.plain"),
    )
    assert wrapped().call(*ARGUMENTS) == {"shipped": 1, "committed": True}
    assert inner().call(*ARGUMENTS) == {"shipped": 1}


def test_an_import_path_leads_to_the_decorator_that_stands_above(
    default_registry: HandlerRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "decorated_orders", sys.modules[__name__])
    for registry in (default_registry, HandlerRegistry()):
        handler = registry.resolve("decorated_orders.above")
        assert handler().call(*ARGUMENTS) == {"shipped": 1, "committed": True}


def test_a_decorator_between_two_names_is_part_of_the_upper_one(
    default_registry: HandlerRegistry,
) -> None:
    @step_handler("orders.second")
    @committed
    @step_handler("orders.first")
    def twice(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        return {"shipped": 1}

    first, second = (
        default_registry.resolve("orders.first"),
        default_registry.resolve("orders.second"),
    )
    assert first().call(*ARGUMENTS) == {"shipped": 1}
    assert second().call(*ARGUMENTS) == {"shipped": 1, "committed": True}


def test_a_decorator_around_a_function_without_a_name_is_no_handler_by_its_path(
    default_registry: HandlerRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[__name__], "loose", committed(lambda t, s, p: {}), False)
    monkeypatch.setitem(sys.modules, "decorated_orders", sys.modules[__name__])
    with pytest.raises(InvalidHandlerError, match="a function is a handler with @step_handler"):
        default_registry.resolve("decorated_orders.loose")
