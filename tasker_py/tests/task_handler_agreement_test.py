"""A task handler and its template: what they say differently is named, with what each says."""

import json
import threading
from typing import Annotated, Any, Generic, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict, Field

from tasker_core import _native
from tasker_core.step_handler import StepHandlerBase
from tasker_core.task_handler import TaskHandlerBase, check, problem

HEAD = """
name: orders
namespace_name: shop
version: 1.0.0
"""
STEPS = """
steps:
  - name: price
    handler: {callable: shop.price}
  - name: charge
    dependencies: [price]
    handler: {callable: shop.charge}
  - name: mail
    depends_on: [price]
    handler: {callable: shop.mail}
"""
BRANCHES = """
steps:
  - name: route
    type: decision
    handler: {callable: shop.route}
  - name: small
    dependencies: [route]
    handler: {callable: shop.small}
  - name: large
    dependencies: [route]
    handler: {callable: shop.large}
  - name: large_mail
    dependencies: [large]
    handler: {callable: shop.mail}
  - name: join
    type: deferred_convergence
    dependencies: [small, large]
    handler: {callable: shop.join}
"""
BATCHES = """
steps:
  - name: split
    type: batchable
    handler: {callable: shop.split}
  - name: count
    type: batch_worker
    dependencies: [split]
    handler: {callable: shop.count}
"""


class Order(BaseModel):
    item: str
    count: Annotated[int, Field(ge=1)] = 1


class Receipt(BaseModel):
    paid: int


class Results(BaseModel):
    charge: Receipt


class OrderHandler(TaskHandlerBase[Order, Results]):
    namespace = "shop"
    name = "orders"
    version = "1.0.0"


def document(text: str) -> Any:
    return json.loads(_native.template_check(text, "orders.yaml"))["document"]


def told(handler: Any, text: str) -> list[str]:
    assert problem(handler) is None
    return [str(difference) for difference in check(handler, document(text))]


def handler_of(results: type[BaseModel]) -> type[TaskHandlerBase[Any, Any]]:
    members = {"namespace": "shop", "name": "orders", "version": "1.0.0"}
    base: Any = TaskHandlerBase[Order, results]  # type: ignore[valid-type]
    return type("Handler", base.__mro_entries__((base,)), {**members, "__orig_bases__": (base,)})


def test_a_template_without_a_schema_says_nothing_of_the_context() -> None:
    assert told(OrderHandler, HEAD + STEPS) == []


def test_a_schema_that_agrees_is_no_difference() -> None:
    schema = (
        "input_schema: {type: object, required: [item], properties: {item: {type: string}, "
        "count: {type: integer, minimum: 1}}}"
    )
    assert told(OrderHandler, HEAD + schema + STEPS) == []


def test_the_models_own_schema_can_be_copied() -> None:
    schema = f"input_schema: {json.dumps(OrderHandler.input_schema())}"
    assert told(OrderHandler, HEAD + schema + STEPS) == []


def test_each_difference_of_the_context_is_named() -> None:
    schema = (
        "input_schema: {type: object, required: [item, count], properties: {item: "
        "{type: number}, count: {type: integer}}}"
    )
    assert told(OrderHandler, HEAD + schema + STEPS) == [
        'input_schema.properties.item.type: the task handler says "string", the template "number"',
        "input_schema.properties.count.minimum: the task handler says 1, the template nothing",
        'input_schema.required: the task handler says ["item"], the template ["count", "item"]',
    ]


def test_another_identity_is_told() -> None:
    text = HEAD.replace("shop", "store").replace("1.0.0", "2.0.0") + STEPS
    assert told(OrderHandler, text) == [
        "namespace: the task handler says 'shop', the template 'store'",
        "version: the task handler says '1.0.0', the template '2.0.0'",
    ]


def test_results_are_those_of_steps_that_nothing_depends_on() -> None:
    class Wrong(BaseModel):
        price: int
        chrage: Receipt
        mail: None = None

    assert told(handler_of(Wrong), HEAD + STEPS) == [
        (
            "results.price: the task handler says a field, the template a step before charge, "
            "mail (nothing depends on charge, mail)"
        ),
        (
            "results.chrage: the task handler says a field, the template no such step, did you "
            "mean 'charge'? (nothing depends on charge, mail)"
        ),
    ]


def test_a_step_is_named_by_the_alias() -> None:
    class Aliased(BaseModel):
        model_config = ConfigDict(populate_by_name=True)

        receipt: Annotated[Receipt, Field(alias="charge")]

    assert told(handler_of(Aliased), HEAD + STEPS) == []


def test_what_a_decision_may_not_choose_has_a_default_or_may_be_none() -> None:
    class Needed(BaseModel):
        large_mail: Receipt
        join: Receipt

    class Optional(BaseModel):
        large_mail: Receipt | None
        join: Receipt

    assert told(handler_of(Needed), HEAD + BRANCHES) == [
        (
            "results.large_mail: the task handler says a field without a default, the template "
            "that a decision may not choose the step"
        ),
    ]
    assert told(handler_of(Optional), HEAD + BRANCHES) == []


def test_the_batches_of_a_batch_worker_are_a_list_that_may_be_empty() -> None:
    class Single(BaseModel):
        count: Receipt

    class Several(BaseModel):
        count: list[Receipt] = []

    assert told(handler_of(Single), HEAD + BATCHES) == [
        (
            "results.count: the task handler says a single value, the template a batch worker: "
            "list[...]"
        ),
        (
            "results.count: the task handler says a field without a default, the template that "
            "there may be no batches"
        ),
    ]
    assert told(handler_of(Several), HEAD + BATCHES) == []


Context = TypeVar("Context", bound=BaseModel)
Given = TypeVar("Given", bound=BaseModel)


class ShopHandler(TaskHandlerBase[Context, Given], Generic[Given, Context]):
    namespace = "shop"
    version = "1.0.0"


class FromShop(ShopHandler[Results, Order]):
    name = "orders"


class NoName(ShopHandler[Results, Order]):
    pass


class NoModels(TaskHandlerBase):  # type: ignore[type-arg]
    namespace = name = version = "1.0.0"


class NoModel(TaskHandlerBase[dict, Results]):  # type: ignore[type-arg, type-var]
    namespace = name = version = "1.0.0"


class Held(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)

    lock: threading.Event


class NoSchema(TaskHandlerBase[Held, Results]):
    namespace = name = version = "1.0.0"


def test_models_may_come_from_a_base_class() -> None:
    assert FromShop.context_model() is Order
    assert FromShop.results_model() is Results
    assert told(FromShop, HEAD + STEPS) == []


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (StepHandlerBase, "is no task handler; wanted: a subclass of tasker_core.task_handler"),
        (7, "7 is no task handler"),
        (TaskHandlerBase, "is what task handlers derive from"),
        (NoName, "NoName ({file}:{line}) does not say its name; wanted: name = '...'"),
        (NoModels, "class NoModels(TaskHandlerBase[Context, Results])"),
        (NoModel, "NoModel does not say its models, each a subclass of pydantic's BaseModel"),
        (NoSchema, "Held has no JSON Schema: Cannot generate a JsonSchema"),
    ],
)
def test_what_is_no_task_handler_is_told_with_what_is_wanted(value: Any, says: str) -> None:
    wrong = problem(value)
    assert wrong is not None
    for part in says.replace("({file}:{line})", "|").split("|"):
        assert part in wrong
