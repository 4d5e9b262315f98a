"""A handler that cannot be run is found before it runs, with its place and what is wanted."""

import functools
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tasker_core.definition import problem
from tasker_core.step_handler import StepHandlerBase, TypedStepHandler
from tasker_core.types import Sequence, Step, Task


class Good(StepHandlerBase):
    def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, int]:
        return {}

    async def later(self, task: Task, sequence: Sequence, step: Step, more: int = 3) -> None: ...

    def anything(self, *args: Any, **kwargs: Any) -> None: ...

    @staticmethod
    def static(task: Task, sequence: Sequence, step: Step) -> None: ...

    @classmethod
    def of_class(cls, task: Task, sequence: Sequence, step: Step) -> None: ...


@pytest.mark.parametrize("method", ["call", "later", "anything", "static", "of_class"])
def test_what_takes_task_sequence_and_step_can_be_run(method: str) -> None:
    assert problem(Good, method) is None


class Bad(StepHandlerBase):
    value = 3

    def few(self, task: Task, sequence: Sequence) -> None: ...

    def many(self, task: Task, sequence: Sequence, step: Step, more: int) -> None: ...

    def keyword(self, task: Task, sequence: Sequence, step: Step, *, more: int) -> None: ...

    @staticmethod
    def static(task: Task) -> None: ...

    def generator(self, task: Task, sequence: Sequence, step: Step) -> Iterator[int]:
        yield 1

    async def async_generator(
        self, task: Task, sequence: Sequence, step: Step
    ) -> AsyncIterator[int]:
        yield 1


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("few", "too many positional arguments; wanted: few(self, task, sequence, step)"),
        ("many", "missing a required argument: 'more'; wanted: many(self, task, sequence, step)"),
        ("keyword", "missing a required argument: 'more'; wanted: keyword(self, task, sequence,"),
        ("static", "too many positional arguments; wanted: static(task, sequence, step)"),
        (
            "generator",
            "is a generator, which has no result: it has `yield` where `return` is meant",
        ),
        ("async_generator", "is a generator, which has no result"),
        ("value", "is 3, no method; wanted: value(self, task, sequence, step)"),
        ("call", "has no method 'call'; wanted: call(self, task, sequence, step)"),
        ("missing", "has no method 'missing'; wanted: missing(self, task, sequence, step)"),
    ],
)
def test_a_wrong_method_is_shown_with_its_place(method: str, expected: str) -> None:
    text = problem(Bad, method)
    assert text is not None
    assert expected in text
    assert text.startswith(f"{Bad.__module__}.Bad")
    assert __file__ in text or method == "value"


def test_an_abstract_class_is_told_what_it_lacks() -> None:
    class Abstract(StepHandlerBase, ABC):
        @abstractmethod
        def rate(self) -> float: ...

        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, float]:
            return {"rate": self.rate()}

    assert str(problem(Abstract)).endswith("is abstract: it does not define rate")

    # Python lets this one be made.
    class Unfinished(StepHandlerBase):
        @abstractmethod
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, int]: ...

    assert str(problem(Unfinished)).endswith(
        "is abstract: a class with a call of its own is wanted"
    )


def test_a_constructor_that_wants_something_is_named() -> None:
    class Needing(StepHandlerBase):
        def __init__(self, client: str) -> None:
            self.client = client

    text = problem(Needing)
    assert text is not None
    assert text.endswith(
        "cannot be made without arguments (missing a required argument: 'client'), and each "
        "attempt makes an instance; wanted: __init__(self)"
    )
    assert f"({__file__}:" in text


def test_a_typed_handler_without_run_or_models_is_told() -> None:
    class Idle(TypedStepHandler[int, int]):
        pass

    class Untyped(TypedStepHandler):  # type: ignore[type-arg]
        def run(self, context: int, step: Step) -> int:
            return 1

    assert str(problem(Idle)).endswith("has no method 'run'; wanted: run(self, context, step, ...)")

    class Typed(TypedStepHandler[int, int]):
        def run(self, context: int, step: Step, before: int) -> int:
            return before

    assert problem(Typed) is None
    assert str(problem(Typed, "run")).endswith(
        "takes models, and is called by `call`: the template needs no `method`"
    )
    assert str(problem(Untyped)).endswith(
        "Untyped does not say its models: class "
        "test_a_typed_handler_without_run_or_models_is_told.<locals>."
        "Untyped(TypedStepHandler[Context, Result])"
    )


def through(function: Any) -> Any:
    @functools.wraps(function)
    def within(*arguments: Any) -> Any:
        return function(*arguments)

    return within


def short(function: Any) -> Any:
    """A decorator with parameters of its own, which gives the function what it takes."""

    @functools.wraps(function)
    def within(self: Any, task: Task, sequence: Sequence, step: Step) -> Any:
        return function(self, task.context)

    return within


class Decorated(StepHandlerBase):
    @through
    def good(self, task: Task, sequence: Sequence, step: Step) -> None: ...

    @through
    def few(self, task: Task) -> None: ...

    @short
    def own(self, context: Any) -> None: ...

    @classmethod
    @through
    def of_class(cls, task: Task, sequence: Sequence, step: Step) -> None: ...

    @classmethod
    @through
    def few_of_class(cls, task: Task) -> None: ...


@pytest.mark.parametrize("method", ["good", "own", "of_class"])
def test_what_a_decorator_takes_counts(method: str) -> None:
    assert problem(Decorated, method) is None


@pytest.mark.parametrize("method", ["few", "few_of_class"])
def test_a_decorator_that_takes_anything_does_not_hide_what_is_within(method: str) -> None:
    text = problem(Decorated, method)
    assert text is not None
    assert "too many positional arguments" in text
