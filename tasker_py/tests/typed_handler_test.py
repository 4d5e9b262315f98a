"""Typed handlers are given models, and what does not fit is told with every path."""

import asyncio
import dataclasses
import inspect
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Generic, TypeVar

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tasker_core.definition import problem
from tasker_core.errors import InvalidInputError, InvalidResultError, PermanentError
from tasker_core.step_handler import DecisionHandler, TypedStepHandler
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

STEP = Step(step_name="charge", attempt=2)


class Item(BaseModel):
    sku: str
    quantity: int = Field(ge=1)


class Order(BaseModel):
    model_config = ConfigDict(strict=True)

    placed_at: datetime
    items: list[Item]


class Validated(BaseModel):
    total: Decimal


class Part(BaseModel):
    count: int


class Payment(BaseModel):
    amount: Decimal
    placed_at: datetime


class Charge(TypedStepHandler[Order, Payment]):
    def run(self, context: Order, step: Step, validate_order: Validated) -> Payment:
        return Payment(amount=validate_order.total * step.attempt, placed_at=context.placed_at)


def order(**changes: Any) -> Task:
    context = {"placed_at": "2026-01-02T03:04:05Z", "items": [{"sku": "A", "quantity": 1}]}
    return Task(context={**context, **changes})


VALIDATED = Sequence({"validate_order": {"total": "10.50"}})


def call(handler: type[TypedStepHandler[Any, Any]], task: Task, sequence: Sequence) -> Any:
    return handler().call(task, sequence, STEP)


def test_run_is_given_models_and_gives_one() -> None:
    assert call(Charge, order(), VALIDATED) == StepHandlerCallResult.success(
        {"amount": "21.00", "placed_at": "2026-01-02T03:04:05Z"}
    )


def test_run_can_be_called_with_models_in_a_test() -> None:
    context = Order(placed_at=datetime(2026, 1, 2, tzinfo=UTC), items=[])
    payment = Charge().run(context, STEP, validate_order=Validated(total=Decimal(3)))
    assert payment.amount == 6


def test_the_models_can_be_read() -> None:
    assert Charge.context_model() is Order
    assert Charge.input_models() == {"validate_order": Validated}
    assert Charge.output_model() is Payment


def test_a_context_that_does_not_fit_is_a_permanent_failure_with_every_path() -> None:
    with pytest.raises(InvalidInputError) as raised:
        call(Charge, order(items=[{"sku": "A", "quantity": 0}], placed_at=7), VALIDATED)
    error = raised.value
    assert isinstance(error, PermanentError)
    assert str(error) == (
        "context does not fit Order: context.placed_at: Input should be a valid datetime; "
        "context.items[0].quantity: Input should be greater than or equal to 1"
    )
    assert error.error_code == "INVALID_INPUT"
    assert error.metadata == {
        "violations": [
            {
                "path": "context.placed_at",
                "message": "Input should be a valid datetime",
                "type": "datetime_type",
            },
            {
                "path": "context.items[0].quantity",
                "message": "Input should be greater than or equal to 1",
                "type": "greater_than_equal",
            },
        ]
    }


def test_of_many_violations_the_first_are_listed() -> None:
    with pytest.raises(InvalidInputError) as raised:
        call(Charge, order(items=[{}] * 40), VALIDATED)
    assert str(raised.value).endswith("; and 30 more")
    assert raised.value.metadata is not None
    assert len(raised.value.metadata["violations"]) == 50


def test_results_of_an_ancestor_that_do_not_fit_are_named_by_step() -> None:
    with pytest.raises(InvalidInputError) as raised:
        call(Charge, order(), Sequence({"validate_order": {"sum": 1}}))
    assert str(raised.value) == (
        "validate_order does not fit Validated: validate_order.total: Field required"
    )


def test_an_ancestor_that_did_not_run_is_named() -> None:
    with pytest.raises(InvalidInputError) as raised:
        call(Charge, order(), Sequence())
    assert str(raised.value) == (
        "the step 'validate_order' did not run before this one, whose run takes its results: is "
        "it a step before this one in the template? If it is, and may not run, annotate "
        "validate_order: Validated | None"
    )


NO_FINANCE = Validated(total=Decimal(7))


class Join(TypedStepHandler[dict[str, Any], dict[str, Any]]):
    def run(
        self,
        context: dict[str, Any],
        step: Step,
        parts: list[Part],
        task: Task,
        before: Sequence,
        manager: Validated | None,
        finance: Validated = NO_FINANCE,
        *,
        rows: list[int],
    ) -> dict[str, Any]:
        return {
            "parts": sum(part.count for part in parts),
            "rows": rows,
            "manager": manager,
            "finance": finance,
            "task": task.context is context or task.context == context,
            "names": sorted(before),
        }


def test_batches_absent_steps_defaults_task_and_sequence() -> None:
    sequence = Sequence({"rows": [1, 2]}, {"parts": [{"count": 1}, {"count": 4}]})
    assert call(Join, Task(context={"k": 6**64}), sequence).results == {
        "parts": 5,
        "rows": [1, 2],
        "manager": None,
        "finance": {"total": "7"},
        "task": True,
        "names": ["parts_001", "parts_002", "rows"],
    }
    assert sorted(Join.input_models()) == ["finance", "manager", "parts", "rows"]


def test_run_may_be_async() -> None:
    class Later(TypedStepHandler[Order, Payment]):
        async def run(self, context: Order, step: Step, validate_order: Validated) -> Payment:
            await asyncio.sleep(0)
            return Payment(amount=validate_order.total, placed_at=context.placed_at)

    assert inspect.iscoroutinefunction(Later.call)
    result = asyncio.run(call(Later, order(), VALIDATED))
    assert result.results["amount"] == "10.50"
    with pytest.raises(InvalidInputError):
        asyncio.run(call(Later, order(items=3), VALIDATED))


def test_a_result_that_does_not_fit_is_a_permanent_failure() -> None:
    class Wrong(TypedStepHandler[dict[str, Any], Payment]):
        def run(self, context: dict[str, Any], step: Step) -> Any:
            return {"amount": "much"}

    with pytest.raises(InvalidResultError) as raised:
        call(Wrong, Task(context={}), Sequence())
    assert str(raised.value) == (
        "{'amount': 'much'} of type dict does not fit Payment: results.amount: Input should be a "
        "valid decimal; results.placed_at: Field required"
    )
    assert raised.value.error_code == "INVALID_RESULT"


def test_a_result_with_metadata_is_held_against_the_model_too() -> None:
    class Counted(TypedStepHandler[dict[str, Any], Part]):
        def run(self, context: dict[str, Any], step: Step) -> StepHandlerCallResult:
            if context:
                return StepHandlerCallResult.failure("broken", error_code="E")
            return StepHandlerCallResult.success(Part(count=3), {"source": "file"})

    result = call(Counted, Task(context={}), Sequence())
    assert (result.results, result.metadata) == ({"count": 3}, {"source": "file"})
    failure = call(Counted, Task(context={"k": 1}), Sequence())
    assert (failure.error, failure.error_code) == ("broken", "E")


def test_a_decision_can_be_typed() -> None:
    class Route(DecisionHandler, TypedStepHandler[Order, Part]):
        def run(self, context: Order, step: Step) -> StepHandlerCallResult:
            return self.create_steps(["pay"], results=Part(count=len(context.items)))

    result = call(Route, order(), Sequence())
    assert (result.create_steps, result.results) == (("pay",), {"count": 1})


C = TypeVar("C")
R = TypeVar("R")


class Audited(TypedStepHandler[C, R], Generic[C, R]):
    pass


class Narrowed(Audited[Order, R]):
    pass


class Concrete(Narrowed[Part]):
    def run(self, context: Order, step: Step) -> Part:
        return Part(count=len(context.items))


def test_models_are_found_through_generic_base_classes() -> None:
    assert (Concrete.context_model(), Concrete.output_model()) == (Order, Part)
    assert call(Concrete, order(), Sequence()).results == {"count": 1}


def declared() -> Iterator[tuple[type[TypedStepHandler[Any, Any]], str]]:
    class Few(TypedStepHandler[Order, Part]):
        def run(self, context: Order) -> Part:  # type: ignore[override]
            return Part(count=1)

    yield Few, "wanted: run(self, context, step, ...)"

    class Unannotated(TypedStepHandler[Order, Part]):
        def run(self, context: Order, step: Step, before) -> Part:  # type: ignore[no-untyped-def]
            return Part(count=1)

    yield Unannotated, "the parameter before of run has no annotation; it is the model of what"

    class Star(TypedStepHandler[Order, Part]):
        def run(self, context: Order, step: Step, **results: Any) -> Part:
            return Part(count=1)

    yield Star, "the parameter **results: Any of run names no step: each of them is one, by name"

    class Unknown(TypedStepHandler[Order, Part]):
        def run(self, context: Order, step: Step, before: "Nowhere") -> Part:  # type: ignore[name-defined] # noqa: F821
            return Part(count=1)

    yield Unknown, "an annotation of run cannot be read: name 'Nowhere' is not defined"

    class Undefined(BaseModel):
        part: "NeverDefined"  # type: ignore[name-defined] # noqa: F821

    class Incomplete(TypedStepHandler[Undefined, Part]):
        def run(self, context: Undefined, step: Step) -> Part:
            return Part(count=1)

    yield Incomplete, "Undefined is not fully defined: one of its annotations cannot be resolved"

    class Plain:
        pass

    class Unmodelled(TypedStepHandler[Plain, Part]):
        def run(self, context: Plain, step: Step) -> Part:
            return Part(count=1)

    yield Unmodelled, "pydantic cannot validate Plain"


@pytest.mark.parametrize(("handler", "expected"), list(declared()))
def test_a_declaration_that_cannot_be_read_is_told_before_the_first_attempt(
    handler: type[TypedStepHandler[Any, Any]], expected: str
) -> None:
    text = problem(handler)
    assert text is not None
    assert expected in text
    assert f"({__file__}:" in text


def test_pydantic_is_imported_for_typed_handlers_alone() -> None:
    program = (
        "import sys, tasker_core.worker, tasker_core.step_handler\n"
        "from tasker_core.step_handler import TypedStepHandler\n"
        "class H(TypedStepHandler[int, int]):\n"
        "    def run(self, context, step): return context\n"
        "assert 'pydantic' not in sys.modules\n"
        "H.input_models()\n"
        "assert 'pydantic' in sys.modules\n"
    )
    subprocess.run(
        [sys.executable, "-c", program], check=True, env={"PYTHONPATH": ":".join(sys.path)}
    )


class Committed(TypedStepHandler[C, R], Generic[C, R]):
    """A base class that puts something around every handler."""

    def call(self, task: Task, sequence: Sequence, step: Step) -> Any:
        return dataclasses.replace(super().call(task, sequence, step), metadata={"committed": True})


class CommittedLater(TypedStepHandler[C, R], Generic[C, R]):
    async def call(self, task: Task, sequence: Sequence, step: Step) -> Any:
        result = await super().call(task, sequence, step)
        return dataclasses.replace(result, metadata={"committed": True})


class Count(Committed[dict[str, Any], Part]):
    def run(self, context: dict[str, Any], step: Step) -> Part:
        return Part(count=3)


class CountLater(CommittedLater[dict[str, Any], Part]):
    async def run(self, context: dict[str, Any], step: Step) -> Part:
        return Part(count=3)


def test_what_a_base_class_puts_around_call_is_part_of_the_handler() -> None:
    task = Task(context={})
    for result in (call(Count, task, Sequence()), asyncio.run(call(CountLater, task, Sequence()))):
        assert (result.results, result.metadata) == ({"count": 3}, {"committed": True})
    assert problem(Count) is None
    assert problem(CountLater) is None


class Plain(TypedStepHandler[dict[str, Any], Part]):
    """A base class that says the models alone."""


class Logged(Plain):
    async def call(self, task: Task, sequence: Sequence, step: Step) -> Any:
        result = await super().call(task, sequence, step)
        return dataclasses.replace(result, metadata={"logged": True})


class LoggedCount(Logged):
    async def run(self, context: dict[str, Any], step: Step) -> Part:
        return Part(count=5)


def test_base_classes_without_run_may_stand_between() -> None:
    result = asyncio.run(call(LoggedCount, Task(context={}), Sequence()))
    assert (result.results, result.metadata) == ({"count": 5}, {"logged": True})
    assert problem(LoggedCount) is None


class CountsLater:
    async def run(self, context: dict[str, Any], step: Step) -> Part:
        return Part(count=4)


class Mixed(CountsLater, TypedStepHandler[dict[str, Any], Part]):
    pass


def test_run_may_come_from_another_class() -> None:
    assert problem(Mixed) is None
    assert asyncio.run(call(Mixed, Task(context={}), Sequence())).results == {"count": 4}


class Total(BaseModel):
    """Takes what another system calls its own, and expects an object."""

    total: Decimal

    @model_validator(mode="before")
    @classmethod
    def renamed(cls, value: Any) -> Any:
        return {"total": value["sum"]}


class Bill(TypedStepHandler[dict[str, Any], Payment]):
    def run(self, context: dict[str, Any], step: Step, sums: Total) -> Any:
        return {"amount": sums.total, "placed_at": datetime(2026, 1, 2, tzinfo=UTC)}


def test_a_validator_that_expects_an_object_takes_no_absent_step() -> None:
    assert Bill.needs() == ["sums"]
    result = call(Bill, Task(context={}), Sequence({"sums": {"sum": "3"}}))
    assert result.results == {"amount": "3", "placed_at": "2026-01-02T00:00:00Z"}
    with pytest.raises(InvalidInputError, match="the step 'sums' did not run before this one"):
        call(Bill, Task(context={}), Sequence())
