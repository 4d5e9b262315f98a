"""Type checkers know what a task handler takes and gives, and refuse what it does not."""

import re
from pathlib import Path

import pytest
from mypy import api

import tasker_core

CODE = """
from pydantic import BaseModel

from tasker_core.client import AsyncTaskerClient, TaskerClient
from tasker_core.task_handler import TaskHandlerBase
from tasker_core.testing import TaskResult, WorkflowTest
from tasker_core.testing.plugin import MakeWorkflowTest


class Order(BaseModel):
    item: str


class Receipt(BaseModel):
    paid: int


class Results(BaseModel):
    charge: Receipt


class OrderHandler(TaskHandlerBase[Order, Results]):
    namespace = "shop"
    name = "orders"
    version = "1.0.0"


def started(client: TaskerClient) -> None:
    handle = OrderHandler.start(client, item="book")
    reveal_type(handle)
    reveal_type(handle.wait().results.charge.paid)
    OrderHandler.start(client, Order(item="book"), idempotency_key="k", priority=1, tags=["a"])


async def awaited(client: AsyncTaskerClient) -> None:
    handle = await OrderHandler.start(client, Order(item="book"))
    reveal_type(handle)
    reveal_type((await handle.wait(timeout=1)).results)
    reveal_type(await OrderHandler.start(client, item="book"))


def models() -> None:
    reveal_type(OrderHandler.context_model())
    reveal_type(OrderHandler.results_model())


def tested(workflow_test: MakeWorkflowTest) -> None:
    reveal_type(WorkflowTest(OrderHandler).run(Order(item="book")).results)
    reveal_type(workflow_test(OrderHandler).run({}).results)
    reveal_type(WorkflowTest("orders.yaml").run({}).results)


def unnamed(test: WorkflowTest) -> TaskResult:
    return test.run({})


def refused(client: TaskerClient) -> None:
    OrderHandler.start(client, Receipt(paid=1))
    OrderHandler.start(client, Order(item="book"), priority="high")
    OrderHandler.start(client, Order(item="book"), version="2.0.0")
    OrderHandler.start("http://engine", item="book")
    OrderHandler.start(client, item="book").results.chrage


class NoModel(TaskHandlerBase[int, Results]):
    pass
"""

REVEALED = [
    "TaskHandle[orders.Results]",
    "int",
    "AsyncTaskHandle[orders.Results]",
    "Results",
    "AsyncTaskHandle[orders.Results]",
    "type[orders.Order]",
    "type[orders.Results]",
    "Results",
    "Results",
    "Any",
]

ERRORS = [
    'No overload variant of "start" of "TaskHandlerBase" matches argument types',
    'No overload variant of "start" of "TaskHandlerBase" matches argument types',
    'No overload variant of "start" of "TaskHandlerBase" matches argument types',
    'No overload variant of "start" of "TaskHandlerBase" matches argument types',
    '"Results" has no attribute "chrage"',
    'Type argument "int" of "TaskHandlerBase" must be a subtype of "BaseModel"',
]


def test_mypy_infers_context_and_results_and_refuses_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MYPYPATH", str(Path(tasker_core.__file__).parents[1]))
    file = tmp_path / "orders.py"
    file.write_text(CODE)
    report, trouble, _ = api.run(
        ["--strict", "--no-error-summary", f"--cache-dir={tmp_path / 'cache'}", str(file)]
    )
    assert trouble == ""
    revealed = re.findall(r'Revealed type is "(?:def )?([^"]*)"', report)
    assert [re.sub(r"\b(?!orders\.)[a-z_]+\.", "", one) for one in revealed] == [
        one if "[" in one else f"orders.{one}" if one == "Results" else one for one in REVEALED
    ]
    errors = re.findall(r"orders\.py:\d+: error: (.*)", report)
    assert len(errors) == len(ERRORS), report
    for error, says in zip(errors, ERRORS, strict=True):
        assert error.startswith(says)
