"""WorkflowTest by a task handler: its template is found, must agree, and types the results."""

from pathlib import Path

import pytest
from pydantic import BaseModel

from tasker_core.errors import (
    InvalidArgumentError,
    InvalidHandlerError,
    NoResultsError,
    PermanentError,
    WorkflowTestError,
)
from tasker_core.registry import import_object
from tasker_core.task_handler import TaskHandlerBase
from tasker_core.testing import WorkflowTest, check_idempotency
from tasker_core.testing.plugin import MakeWorkflowTest
from tasker_core.types import Sequence, Step, Task

TEMPLATE = """
name: orders
namespace_name: shop
version: 1.0.0
input_schema: {type: object, required: [item], properties: {item: {type: string}}}
steps:
  - name: charge
    handler: {callable: shop.charge}
"""


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


def charge(task: Task, sequence: Sequence, step: Step) -> dict[str, int]:
    return {"paid": 7}


HANDLERS = {"charge": charge}


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TASKER_TEMPLATE_PATH", f"/nowhere:{tmp_path}")
    return tmp_path


def test_template_and_handlers_are_found_by_the_class(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TASKER_TEMPLATE_PATH", "fixtures/task_templates/python")
    linear = import_object("linear_workflow.handlers.LinearWorkflowHandler")
    result = WorkflowTest(linear).run({"even_number": 6})
    assert result.status == "complete"
    assert result.results.linear_step_4.result == 69
    assert check_idempotency(linear, {"even_number": 6}).not_compared == ()


def test_handlers_can_be_replaced_and_the_version_is_the_classes(templates: Path) -> None:
    newer = TEMPLATE.replace("1.0.0", "2.0.0").replace("charge", "pay")
    (templates / "a.yaml").write_text(newer)
    (templates / "b.yml").write_text(TEMPLATE)
    test = WorkflowTest(OrderHandler, HANDLERS)
    assert test.run({"item": "book"}).results == Results(charge=Receipt(paid=7))
    fixture = MakeWorkflowTest(templates)(OrderHandler, HANDLERS)
    assert fixture.run(Order(item="book")).results.charge.paid == 7


def test_a_template_that_says_something_else_is_told(templates: Path) -> None:
    text = TEMPLATE.replace("1.0.0", "2.0.0").replace("type: string", "type: integer")
    (templates / "orders.yaml").write_text(text)
    with pytest.raises(InvalidHandlerError) as raised:
        WorkflowTest(OrderHandler, HANDLERS)
    assert str(raised.value).endswith(
        f"it does not fit {templates}/orders.yaml:\n"
        "  version: the task handler says '1.0.0', the template '2.0.0'\n"
        "  input_schema.properties.item.type: the task handler says "
        '"string", the template "integer"'
    )


def test_a_template_that_is_not_there_is_told_with_the_remedy(templates: Path) -> None:
    (templates / "other.yaml").write_text(TEMPLATE.replace("name: shop", "name: store"))
    with pytest.raises(WorkflowTestError) as raised:
        WorkflowTest(OrderHandler, HANDLERS)
    assert str(raised.value) == (
        f"there is no template shop/orders 1.0.0, which {OrderHandler.__module__}.OrderHandler is "
        f"for, below TASKER_TEMPLATE_PATH, which is '/nowhere:{templates}': name its folder there"
    )


def test_the_template_that_may_be_it_and_is_not_valid_is_told(templates: Path) -> None:
    (templates / "orders.yaml").write_text(TEMPLATE.replace("steps:", "step:"))
    with pytest.raises(InvalidArgumentError, match=r"orders\.yaml:6"):
        WorkflowTest(OrderHandler, HANDLERS)


def test_a_class_that_says_too_little_is_told() -> None:
    class Nameless(TaskHandlerBase[Order, Results]):
        pass

    with pytest.raises(InvalidHandlerError, match="does not say its namespace, name, version"):
        WorkflowTest(Nameless)


def test_a_task_that_failed_has_no_results(templates: Path) -> None:
    (templates / "orders.yaml").write_text(TEMPLATE)
    test = WorkflowTest(OrderHandler, HANDLERS)
    test.fail_attempt("charge", error=PermanentError("declined"))
    result = test.run({"item": "book"})
    with pytest.raises(NoResultsError, match="PermanentError: declined"):
        _ = result.results


def test_results_are_a_task_handlers() -> None:
    result = WorkflowTest(TEMPLATE, HANDLERS).run({"item": "book"})
    with pytest.raises(WorkflowTestError, match=r"WorkflowTest\(Handler\)"):
        _ = result.results
