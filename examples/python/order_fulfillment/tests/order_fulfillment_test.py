"""Each handler on its own: amounts to the cent, ids from the idempotency key, every refusal."""

from typing import Any

import pytest
from order_fulfillment.step_handlers import (
    ProcessPaymentHandler,
    ReserveInventoryHandler,
    ShipOrderHandler,
    ValidateOrderHandler,
)

from tasker_core.errors import InvalidInputError, PermanentError, RetryableError
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

VALIDATED = {
    "customer_id": "cust-1",
    "items": [{"sku": "WIDGET-A", "quantity": 2, "line_total": "39.98"}],
    "order_total": "39.98",
}
RESERVED = {"reservation_id": "RES-key", "reserved": {"WIDGET-A": 2}}
PAID = {"payment_id": "PAY-key", "amount": "39.98", "fee": "1.16"}


def order(*items: tuple[str, int, Any], token: str = "tok_visa", **changes: Any) -> dict[str, Any]:
    chosen = items or (("WIDGET-A", 2, "19.99"),)
    return {
        "customer": {"id": "cust-1", "email": "ada@example.com"},
        "items": [{"sku": sku, "quantity": n, "price": price} for sku, n, price in chosen],
        "payment": {"method": "card", "token": token},
        "shipping": {"address": "1 Main Street", "method": "standard"},
        **changes,
    }


def call(handler: Any, context: Any, **results: Any) -> Any:
    step = Step(step_name="step", idempotency_key="key")
    result = handler().call(Task(context=context), Sequence(results), step)
    assert isinstance(result, StepHandlerCallResult)
    assert result.is_success
    return result.results


def test_lines_and_total_are_exact() -> None:
    context = order(("WIDGET-A", 2, "19.99"), ("GADGET-C", 3, "0.10"), ("WIDGET-B", 1, "5"))
    assert call(ValidateOrderHandler, context) == {
        "customer_id": "cust-1",
        "items": [
            {"sku": "WIDGET-A", "quantity": 2, "line_total": "39.98"},
            {"sku": "GADGET-C", "quantity": 3, "line_total": "0.30"},
            {"sku": "WIDGET-B", "quantity": 1, "line_total": "5.00"},
        ],
        "order_total": "45.28",
    }


def test_a_total_of_50_000_is_the_highest() -> None:
    context = order(("WIDGET-B", 50, "1000.00"))
    assert call(ValidateOrderHandler, context)["order_total"] == "50000.00"


@pytest.mark.parametrize(
    ("context", "code", "message"),
    [
        (order(("WIDGET-Z", 1, "1.00")), "UNKNOWN_SKU", "there is no product 'WIDGET-Z'"),
        (
            order(("WIDGET-A", 0, "1.00")),
            "INVALID_QUANTITY",
            "the quantity of WIDGET-A must be at least 1, not 0",
        ),
        (
            order(("WIDGET-B", 50, "1000.00"), ("WIDGET-A", 1, "0.01")),
            "ORDER_TOTAL_TOO_HIGH",
            "the order's total 50000.01 is higher than 50000.00",
        ),
    ],
)
def test_an_order_that_cannot_be_fulfilled_is_refused(
    context: Any, code: str, message: str
) -> None:
    with pytest.raises(PermanentError) as raised:
        call(ValidateOrderHandler, context)
    assert (raised.value.error_code, str(raised.value)) == (code, message)


@pytest.mark.parametrize(
    ("context", "place"),
    [
        ({}, "customer"),
        (order(("WIDGET-A", 1, 19.99)), "price"),
        (order(("WIDGET-A", 1, 20)), "price"),
        (order(("WIDGET-A", 1, "19.999")), "price"),
        (order(("WIDGET-A", 1, "-1.00")), "price"),
        (order(("WIDGET-A", 1, "NaN")), "price"),
        (order(("WIDGET-A", 1, "cheap")), "price"),
        (order(items=[]), "items"),
        (order(shipping={"address": "1 Main Street", "method": "pigeon"}), "method"),
        (order(customer={"id": "", "email": "ada@example.com"}), "id"),
    ],
)
def test_a_context_that_is_no_order_is_refused_with_the_place(context: Any, place: str) -> None:
    with pytest.raises(InvalidInputError, match=place) as raised:
        call(ValidateOrderHandler, context)
    assert raised.value.error_code == "INVALID_INPUT"


def test_lines_of_one_product_are_reserved_together() -> None:
    lines = [
        {"sku": "WIDGET-B", "quantity": 20, "line_total": "1.00"},
        {"sku": "WIDGET-A", "quantity": 1, "line_total": "1.00"},
        {"sku": "WIDGET-B", "quantity": 30, "line_total": "1.00"},
    ]
    validated = {**VALIDATED, "items": lines}
    assert call(ReserveInventoryHandler, order(), validate_order=validated) == {
        "reservation_id": "RES-key",
        "reserved": {"WIDGET-B": 50, "WIDGET-A": 1},
    }


def test_what_is_not_there_may_be_there_later() -> None:
    lines = [{"sku": "WIDGET-B", "quantity": 51, "line_total": "1.00"}]
    with pytest.raises(RetryableError, match="51 of WIDGET-B are wanted, 50 are there") as raised:
        call(ReserveInventoryHandler, order(), validate_order={**VALIDATED, "items": lines})
    assert raised.value.error_code == "OUT_OF_STOCK"
    assert raised.value.metadata == {"sku": "WIDGET-B", "wanted": 51, "available": 50}


@pytest.mark.parametrize(
    ("amount", "fee"),
    [
        ("39.98", "1.16"),
        ("5.00", "0.15"),
        ("15.00", "0.44"),
        ("0.17", "0.00"),
        ("50000.00", "1450.00"),
    ],
)
def test_the_fee_is_rounded_half_up(amount: str, fee: str) -> None:
    validated = {**VALIDATED, "order_total": amount}
    results = {"validate_order": validated, "reserve_inventory": RESERVED}
    assert call(ProcessPaymentHandler, order(), **results) == {
        "payment_id": "PAY-key",
        "amount": amount,
        "fee": fee,
    }


def test_a_declined_payment_is_not_tried_again() -> None:
    results = {"validate_order": VALIDATED, "reserve_inventory": RESERVED}
    with pytest.raises(PermanentError, match="the payment was declined") as raised:
        call(ProcessPaymentHandler, order(token="tok_declined"), **results)
    assert raised.value.error_code == "PAYMENT_DECLINED"


def test_a_payment_service_that_takes_too_long_is_tried_again() -> None:
    results = {"validate_order": VALIDATED, "reserve_inventory": RESERVED}
    with pytest.raises(RetryableError, match="the payment service took too long") as raised:
        call(ProcessPaymentHandler, order(token="tok_timeout"), **results)
    assert raised.value.error_code == "PAYMENT_TIMEOUT"


@pytest.mark.parametrize(
    ("method", "carrier", "cost", "total"),
    [("standard", "ground", "8.99", "48.97"), ("express", "air", "24.99", "64.97")],
)
def test_the_shipment_is_charged_with_the_order(
    method: str, carrier: str, cost: str, total: str
) -> None:
    context = order(shipping={"address": "1 Main Street", "method": method})
    results = {
        "validate_order": VALIDATED,
        "reserve_inventory": RESERVED,
        "process_payment": PAID,
    }
    assert call(ShipOrderHandler, context, **results) == {
        "carrier": carrier,
        "cost": cost,
        "total_charged": total,
    }
