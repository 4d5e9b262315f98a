"""What a step returns as a model, or as None, the steps behind it get: no value is changed."""

from collections.abc import Callable
from decimal import Decimal
from math import inf, nan
from typing import Annotated, Any, Literal

import pytest
from pydantic import (
    AliasChoices,
    AliasGenerator,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
)
from pydantic.alias_generators import to_camel
from pydantic.dataclasses import dataclass

from tasker_core.step_handler import TypedStepHandler
from tasker_core.testing import TaskResult, WorkflowTest
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

TEMPLATE = """
name: orders
namespace_name: shop
version: 1.0.0
steps:
  - name: before
    handler: {callable: shop.before}
  - name: behind
    dependencies: [before]
    handler: {callable: shop.behind}
"""


def run(before: Any, behind: Any, context: Any = None) -> TaskResult:
    return WorkflowTest(TEMPLATE, {"before": before, "behind": behind}).run(context or {})


def returns(declared: Any, value: Any) -> type[TypedStepHandler[Any, Any]]:
    """A typed handler that returns the value."""

    class Returns(TypedStepHandler[dict[str, Any], declared]):
        def run(self, context: dict[str, Any], step: Step) -> Any:
            return value

    return Returns


def shows(declared: Any) -> type[TypedStepHandler[Any, Any]]:
    """A typed handler that takes what the step before it returned, and returns its repr."""

    class Shows(TypedStepHandler[dict[str, Any], dict[str, str]]):
        def run(self, context: dict[str, Any], step: Step, before: declared) -> dict[str, str]:
            return {"got": repr(before)}

    return Shows


class Discount(BaseModel):
    percent: int = 10
    reason: str = "regular customer"


class Coupon(BaseModel):
    code: str


@pytest.mark.parametrize(
    "declared", [Discount | None, Coupon | None, int | None, list[int] | None, None, Any]
)
def test_none_that_a_typed_handler_returns_is_none_behind_it(declared: Any) -> None:
    result = run(returns(declared, None), shows(declared))
    assert result["before"].results is None
    assert result["behind"].results == {"got": "None"}


def test_none_with_metadata_is_none_too() -> None:
    returned = StepHandlerCallResult.success(None, {"granted": False})
    result = run(returns(Discount | None, returned), shows(Discount | None))
    assert result["before"].metadata == {"granted": False}
    assert result["behind"].results == {"got": "None"}


def test_a_model_without_values_is_not_taken_for_none() -> None:
    result = run(returns(Discount | None, {}), shows(Discount | None))
    assert result["behind"].results == {"got": repr(Discount())}


def test_an_untyped_handler_sees_none_among_the_results() -> None:
    def behind(task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        return {"there": "before" in sequence, "got": sequence["before"]}

    result = run(returns(Coupon | None, None), behind)
    assert result["behind"].results == {"there": True, "got": None}


def test_success_without_results_stays_an_empty_object() -> None:
    def before(task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
        return StepHandlerCallResult.success()

    assert run(before, shows(Any))["behind"].results == {"got": "{}"}


class Order(BaseModel):
    order_id: int = Field(alias="orderId")
    total: Decimal


class Written(BaseModel):
    order_id: int = Field(serialization_alias="orderId")


class Read(BaseModel):
    model_config = ConfigDict(extra="forbid")
    order_id: int = Field(validation_alias="orderId")


class Both(BaseModel):
    order_id: int = Field(
        default=0, validation_alias=AliasChoices("id", "no"), serialization_alias="orderId"
    )


class Nested(BaseModel):
    order_id: int = Field(validation_alias=AliasPath("order", "id"))


class Generated(BaseModel):
    model_config = ConfigDict(
        alias_generator=AliasGenerator(validation_alias=to_camel, serialization_alias=str.upper)
    )
    order_id: int
    written: Written
    orders: list[Both]
    by_name: dict[str, Read]
    parent: "Generated | None" = None


class Crossed(BaseModel):
    """Each field is read by the name that the other is written with."""

    first: int = Field(validation_alias="second")
    second: int = Field(validation_alias="first")


class Orders(RootModel[list[Written]]):
    pass


@dataclass
class Line:
    line_no: Annotated[int, Field(serialization_alias="lineNo")]


class Named(BaseModel):
    """Its fields have the names of what pydantic's own schemas have."""

    type: Written
    cls: Written
    default: Written
    expected: Written
    metadata: Written
    serialization: Written
    fields: Written
    choices: Written


class Card(BaseModel):
    type: Literal["type"] = "type"
    card_no: int = Field(serialization_alias="cardNo")


class Cash(BaseModel):
    type: Literal["metadata"] = "metadata"
    paid_by: str = Field(serialization_alias="paidBy")


Paid = Annotated[Card | Cash, Field(discriminator="type")]

BOTH = Both.model_validate({"id": 7})
READ = Read.model_validate({"orderId": 7})
NESTED = Nested.model_validate({"order": {"id": 7}})
INNER = {
    "orderId": 1,
    "written": {"order_id": 2},
    "orders": [{"no": 3}],
    "byName": {"a": {"orderId": 4}},
}

MODELS: list[tuple[Any, Any, Any]] = [
    (Order, Order(orderId=7, total=Decimal("12.50")), {"orderId": 7, "total": "12.50"}),
    (Written, Written(order_id=7), {"orderId": 7}),
    (Read, READ, {"order_id": 7}),
    (Both, BOTH, {"orderId": 7}),
    (Nested, NESTED, {"order_id": 7}),
    (Crossed, Crossed(first=1, second=2), {"first": 2, "second": 1}),
    (Orders, Orders([Written(order_id=7)]), [{"orderId": 7}]),
    (Line, Line(7), {"lineNo": 7}),
    (list[Both], [BOTH], [{"orderId": 7}]),
    (Written | int, Written(order_id=7), {"orderId": 7}),
    (Annotated[Both, "a note"], BOTH, {"orderId": 7}),
    (
        Named,
        Named(**{name: Written(order_id=n) for n, name in enumerate(Named.model_fields)}),
        {name: {"orderId": n} for n, name in enumerate(Named.model_fields)},
    ),
    (Paid, Card(card_no=7), {"type": "type", "cardNo": 7}),
    (Paid, Cash(paid_by="ada"), {"type": "metadata", "paidBy": "ada"}),
    (
        Generated,
        Generated.model_validate(
            {
                "orderId": 0,
                "written": {"order_id": 1},
                "orders": [],
                "byName": {},
                "parent": INNER,
            }
        ),
        {
            "ORDER_ID": 0,
            "WRITTEN": {"orderId": 1},
            "ORDERS": [],
            "BY_NAME": {},
            "PARENT": {
                "ORDER_ID": 1,
                "WRITTEN": {"orderId": 2},
                "ORDERS": [{"orderId": 3}],
                "BY_NAME": {"a": {"order_id": 4}},
                "PARENT": None,
            },
        },
    ),
]


@pytest.mark.parametrize(("declared", "value", "shown"), MODELS)
def test_a_model_reads_what_it_wrote(declared: Any, value: Any, shown: Any) -> None:
    result = run(returns(declared, value), shows(declared))
    assert result["before"].results == shown
    assert result["behind"].results == {"got": repr(value)}


@pytest.mark.parametrize("value", [Order(orderId=7, total=Decimal(1)), BOTH])
def test_a_model_that_a_function_returns_is_read_by_a_typed_handler(value: BaseModel) -> None:
    result = run(lambda task, sequence, step: value, shows(type(value)))
    assert result["behind"].results == {"got": repr(value)}


def test_a_mapping_is_read_by_the_names_that_a_model_reads() -> None:
    result = run(lambda task, sequence, step: {"id": 7}, shows(Both))
    assert result["behind"].results == {"got": repr(BOTH)}


def test_a_function_reads_the_names_that_the_model_has_for_json() -> None:
    result = run(
        returns(Order, Order(orderId=7, total=Decimal(1))),
        lambda task, sequence, step: {"got": sequence["before"]["orderId"]},
    )
    assert result["behind"].results == {"got": 7}


def context_handler(declared: Any) -> type[TypedStepHandler[Any, Any]]:
    class Context(TypedStepHandler[declared, dict[str, str]]):
        def run(self, context: Any, step: Step) -> dict[str, str]:
            return {"got": repr(context)}

    return Context


@pytest.mark.parametrize("context", [BOTH, READ, {"id": 7}, {"no": 7}])
def test_a_context_that_a_client_sends_as_a_model_is_read_too(context: Any) -> None:
    declared = type(context) if isinstance(context, BaseModel) else Both
    expected = context if isinstance(context, BaseModel) else BOTH
    result = run(context_handler(declared), lambda task, sequence, step: {}, context)
    assert result["before"].results == {"got": repr(expected)}


def test_a_context_goes_by_the_names_that_are_read_where_the_two_are_crossed() -> None:
    context = {"first": 1, "second": 2}
    result = run(context_handler(Crossed), lambda task, sequence, step: {}, context)
    assert result["before"].results == {"got": repr(Crossed(first=1, second=2))}


class Trained(BaseModel):
    metrics: Any
    loss: float | None = None
    best: "Trained | None" = None


def as_function(value: Any) -> Callable[..., Any]:
    return lambda task, sequence, step: value


def as_typed(value: Any) -> type[TypedStepHandler[Any, Any]]:
    return returns(Any, value)


@pytest.mark.parametrize("handler", [as_function, as_typed])
@pytest.mark.parametrize(
    ("value", "where"),
    [
        (Trained(metrics={"loss": nan, "epochs": 3}), "results.metrics.loss is nan"),
        (Trained(metrics=[1.0, (2.0, inf)]), "results.metrics[1][1] is inf"),
        (Trained(metrics={-inf}), "results.metrics[0] is -inf"),
        (Trained(metrics={1: nan}), "results.metrics['1'] is nan"),
        (Trained(metrics=Decimal("NaN")), "results.metrics is Decimal NaN"),
        (Trained(metrics=None, loss=nan), "results.loss is nan"),
        (Trained(metrics=Trained(metrics=nan)), "results.metrics.metrics is nan"),
        (Trained(metrics=None, best=Trained(metrics=nan)), "results.best.metrics is nan"),
        ({"trained": [Trained(metrics=nan)]}, "results.trained[0].metrics is nan"),
    ],
)
def test_a_nan_is_refused_wherever_it_stands(handler: Any, value: Any, where: str) -> None:
    step = run(handler(value), as_function({}))["before"]
    assert step.results is None
    assert step.error is not None
    assert (step.error.error_type, step.error.retryable) == ("unserialisable_result", False)
    assert step.error.message.startswith(where)


def test_a_nan_in_metadata_is_refused_too() -> None:
    result = StepHandlerCallResult.success({}, {"training": Trained(metrics=nan)})
    step = run(as_function(result), as_function({}))["before"]
    assert step.error is not None
    assert step.error.message == "metadata.training.metrics is nan, which JSON cannot hold"


def test_none_and_words_within_a_model_stay_what_they_are() -> None:
    value = Trained(metrics={"loss": None, "names": ["NaN", "Infinity"], "n": (1, None)})
    result = run(as_typed(value), as_function({}))
    assert result["before"].results == {
        "metrics": {"loss": None, "names": ["NaN", "Infinity"], "n": [1, None]},
        "loss": None,
        "best": None,
    }


class Tag(BaseModel):
    model_config = ConfigDict(frozen=True)
    name: str
    note: str | None = None


class Tagged(BaseModel):
    tags: set[Tag]
    rate: Any


TAGS = {"tags": [{"name": "a", "note": None}]}


@dataclass(frozen=True)
class Point:
    x: float
    label: str | None = None


@pytest.mark.parametrize(
    ("declared", "value", "shown"),
    [
        (set[Tag], {Tag(name="a")}, [{"name": "a", "note": None}]),
        (frozenset[Point], frozenset([Point(0.5)]), [{"x": 0.5, "label": None}]),
        # As pydantic writes it: it gives no other form of such a set to tell NaN from None by.
        (Tagged, Tagged(tags={Tag(name="a")}, rate=nan), {**TAGS, "rate": None}),
    ],
)
def test_a_set_of_models_may_hold_none(declared: Any, value: Any, shown: Any) -> None:
    result = run(returns(declared, value), shows(declared))
    assert result["before"].results == shown
