"""What a task's steps returned, as the results' model of its task handler."""

from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from tasker_core.errors import NoResultsError
from tasker_core.task_handler import TaskHandlerBase
from tasker_core.task_handler.results import read_results


class Empty(BaseModel):
    pass


class Receipt(BaseModel):
    paid: Annotated[Decimal, Field(serialization_alias="amount")]


class Results(BaseModel):
    charge: Receipt
    mail: Receipt | None
    refund: Receipt | None = None
    parts: list[Receipt | None] = []


class Handler(TaskHandlerBase[Empty, Results]):
    namespace = "shop"
    name = "orders"
    version = "1.0.0"


def read(**returned: Any) -> Results:
    return read_results(Handler, returned, "the task t")


PAID = {"amount": "12.50"}
RECEIPT = Receipt(paid=Decimal("12.50"))


def test_results_are_read_by_the_names_that_they_were_written_with() -> None:
    results = read(price={"of": 1}, charge=PAID, mail=PAID)
    assert results == Results(charge=RECEIPT, mail=RECEIPT)


def test_steps_that_did_not_run_are_left_to_their_defaults() -> None:
    assert read(charge=PAID) == Results(charge=RECEIPT, mail=None, refund=None, parts=[])


def test_batches_are_a_list_in_their_order_and_none_was_resolved_by_hand() -> None:
    results = read(charge=PAID, parts_001=PAID, parts_002=None, parts_0x3=PAID, parts_003=PAID)
    assert results.parts == [RECEIPT, None, RECEIPT]


def test_a_step_that_is_needed_and_did_not_run_is_told() -> None:
    with pytest.raises(NoResultsError) as raised:
        read(price={}, mail=PAID)
    assert str(raised.value) == (
        "the task t has no results of 'charge', which Results needs: the step did not run; give "
        "the field a default if it may not. The task's steps are price, mail"
    )


def test_results_that_do_not_fit_are_told_with_their_paths() -> None:
    with pytest.raises(NoResultsError) as raised:
        read(charge={"amount": "much"}, mail=None)
    message = str(raised.value)
    assert message.startswith("the task t: results does not fit Results: results.charge.")
    assert "valid decimal" in message


def test_a_step_that_was_resolved_by_hand_has_no_results() -> None:
    with pytest.raises(NoResultsError, match=r"results\.charge: Input should be an object"):
        read(charge=None)
