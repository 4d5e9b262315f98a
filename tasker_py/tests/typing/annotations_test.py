"""Type checkers take the handlers that a worker takes, and refuse what it refuses."""

import re
from pathlib import Path

import pytest
from mypy import api

import tasker_core

HEAD = """
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict

from pydantic import BaseModel, RootModel

from tasker_core.registry import HandlerRegistry
from tasker_core.step_handler import StepHandlerBase, TypedStepHandler, step_handler
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task


class Shipment(BaseModel):
    carrier: str


class Shipments(RootModel[list[Shipment]]):
    pass


class Parcel(TypedDict):
    weight: int


@dataclass
class Plain:
    weight: int

"""

METHOD = """
class Handler(StepHandlerBase):
    {async_}def call(self, task: Task, sequence: Sequence, step: Step) -> {returns}:
        raise NotImplementedError
"""

FUNCTION = """
@step_handler("ship")
{async_}def ship(task: Task, sequence: Sequence, step: Step) -> {returns}:
    raise NotImplementedError
"""

ACCEPTED = [
    "StepHandlerCallResult",
    "Mapping[str, Any]",
    "dict[str, int]",
    "Parcel",
    "Shipment",
    "Shipments",
    "Shipment | StepHandlerCallResult",
    "Any",
]

REFUSED = ["list[int]", "None", "int", "str", "Plain", "Shipment | None", "type[Shipment]"]

OTHERS = """
class Typed(TypedStepHandler[Shipment, Shipment]):
    def run(self, context: Shipment, step: Step, before: Shipment) -> Shipment:
        return before


class TypedLater(TypedStepHandler[Shipment, Shipment | None]):
    async def run(self, context: Shipment, step: Step) -> Shipment | None:
        return None


@step_handler("untyped")
def untyped(task, sequence, step):  # type: ignore[no-untyped-def]
    return {}


class Committed(TypedStepHandler[Shipment, Shipment]):
    async def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        result: StepHandlerCallResult = await super().call(task, sequence, step)
        return result


HandlerRegistry.default().register("typed", Typed)
HandlerRegistry.default().register("again", untyped)
"""


def errors(folder: Path, *parts: str) -> dict[int, str]:
    """What mypy has against the parts, by their number; the first error of each."""
    file = folder / "handlers.py"
    lines, starts = HEAD.count("\n"), []
    for part in parts:
        starts.append(lines + 1)
        lines += part.count("\n")
    file.write_text(HEAD + "".join(parts))
    report, trouble, _ = api.run(
        ["--strict", "--no-error-summary", f"--cache-dir={folder / 'cache'}", str(file)]
    )
    assert trouble == ""
    found: dict[int, str] = {}
    for place, message in re.findall(r"handlers\.py:(\d+): error: (.*)", report):
        number = max(i for i, start in enumerate(starts) if start <= int(place))
        found.setdefault(number, message)
    return found


@pytest.fixture(autouse=True)
def package_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYPYPATH", str(Path(tasker_core.__file__).parents[1]))


def handlers(returns: list[str]) -> list[str]:
    """A method and a function for each, plain and `async def`, each of its own name."""
    made: list[str] = []
    for pattern in (METHOD, FUNCTION):
        for async_ in ("", "async "):
            for one in returns:
                text = pattern.format(async_=async_, returns=one)
                name = f"{len(made):02}"
                made.append(
                    text.replace("Handler(", f"Handler{name}(").replace("ship(", f"ship{name}(")
                )
    return made


def test_what_a_worker_takes_passes(tmp_path: Path) -> None:
    assert errors(tmp_path, *handlers(ACCEPTED), OTHERS) == {}


def test_what_a_worker_refuses_is_an_error(tmp_path: Path) -> None:
    parts = handlers(REFUSED)
    found = errors(tmp_path, *parts)
    assert sorted(found) == list(range(len(parts)))
    methods = len(parts) // 2
    for number, message in found.items():
        wanted = 'Return type "' if number < methods else 'Value of type variable "F" of'
        assert message.startswith(wanted), parts[number]


def test_parameters_that_a_worker_cannot_give_are_an_error(tmp_path: Path) -> None:
    few = """
@step_handler("few")
def few(task: Task) -> dict[str, int]:
    return {}
"""
    assert list(errors(tmp_path, few)) == [0]
