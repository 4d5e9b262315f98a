"""Task handlers that do not fit their templates are told as problems of the worker."""

from pathlib import Path
from typing import Any

import pytest
from running_worker import HANDLER, TEMPLATE, paths

pytest_plugins = ["worker_fixture"]

TASK_HANDLER = """
from pydantic import BaseModel
from tasker_core.task_handler import TaskHandlerBase

class Order(BaseModel):
    item: str

class Results(BaseModel):
    charge: dict[str, int]

class Orders(TaskHandlerBase[Order, Results]):
    namespace = "shop"
    name = "orders"
    version = "1.0.0"
"""


def write_task_handler(shop: Path, callable_name: str, more: str = "") -> None:
    template = TEMPLATE.format(callable="shop.Charge")
    head = f"task_handler: {{callable: {callable_name}}}\n"
    (shop / "templates/orders.yaml").write_text(head + more + template)
    (shop / "handlers/shop.py").write_text(HANDLER + TASK_HANDLER)


@pytest.mark.parametrize(
    ("callable_name", "says"),
    [
        (
            "shop.Order1",
            "no handler for the callable 'shop.Order1': 'shop' ({file}) has no 'Order1'",
        ),
        (
            "shop.Charge",
            (
                "the task handler shop.Charge of shop/orders 1.0.0: <class 'shop.Charge'> is no "
                "task handler; wanted: a subclass of tasker_core.task_handler.TaskHandlerBase"
            ),
        ),
    ],
)
def test_a_task_handler_that_is_none_is_told(
    run: Any, shop: Path, callable_name: str, says: str
) -> None:
    write_task_handler(shop, callable_name)
    status, reasons = run(**paths(shop)).health()
    assert (status, reasons[0]) == (503, says.format(file=shop / "handlers/shop.py"))


def test_a_task_handler_that_says_something_else_is_told(run: Any, shop: Path) -> None:
    write_task_handler(shop, "shop.Orders", "input_schema: {type: object, required: [item]}\n")
    handlers = shop / "handlers/shop.py"
    handlers.write_text(handlers.read_text().replace('"1.0.0"', '"1.1.0"').replace("charge:", "c:"))
    status, reasons = run(**paths(shop)).health()
    told = "the task handler shop.Orders does not fit shop/orders 1.0.0: "
    assert status == 503
    assert reasons[:3] == [
        f"{told}version: the task handler says '1.1.0', the template '1.0.0'",
        (
            f"{told}input_schema.properties.item: the task handler says "
            '{"title": "Item", "type": "string"}, the template nothing'
        ),
        (
            f"{told}results.c: the task handler says a field, the template no such step (nothing "
            "depends on charge)"
        ),
    ]


def test_a_task_handler_that_fits_is_no_problem(run: Any, shop: Path) -> None:
    write_task_handler(
        shop,
        "shop.Orders",
        "input_schema: {type: object, required: [item], properties: {item: {type: string}}}\n",
    )
    (reason,) = run(**paths(shop)).health()[1]
    assert "http://127.0.0.1:9" in reason
