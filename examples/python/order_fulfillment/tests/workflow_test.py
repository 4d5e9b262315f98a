"""The whole workflow, in the test's own process and on a clock of its own."""

from typing import Any

import pytest
from order_fulfillment.handlers import OrderFulfillmentHandler

from tasker_core.errors import RetryableError
from tasker_core.testing import WorkflowTest, check_idempotency


def order(sku: str = "WIDGET-A", quantity: int = 2, token: str = "tok_visa") -> dict[str, Any]:
    return {
        "customer": {"id": "cust-1", "email": "ada@example.com"},
        "items": [{"sku": sku, "quantity": quantity, "price": "19.99"}],
        "payment": {"method": "card", "token": token},
        "shipping": {"address": "1 Main Street", "method": "express"},
    }


def test_an_order_is_fulfilled() -> None:
    result = WorkflowTest(OrderFulfillmentHandler).run(order())
    assert result.status == "complete"
    reserved, paid = result["reserve_inventory"], result["process_payment"]
    assert {name: step.results for name, step in result.steps.items()} == {
        "validate_order": {
            "customer_id": "cust-1",
            "items": [{"sku": "WIDGET-A", "quantity": 2, "line_total": "39.98"}],
            "order_total": "39.98",
        },
        "reserve_inventory": {
            "reservation_id": f"RES-{reserved.step_uuid}",
            "reserved": {"WIDGET-A": 2},
        },
        "process_payment": {
            "payment_id": f"PAY-{paid.step_uuid}",
            "amount": "39.98",
            "fee": "1.16",
        },
        "ship_order": {"carrier": "air", "cost": "24.99", "total_charged": "64.97"},
    }
    assert result["ship_order"].parents == (
        "validate_order",
        "reserve_inventory",
        "process_payment",
    )


@pytest.mark.parametrize(
    ("context", "step", "code", "attempts"),
    [
        (order(sku="WIDGET-Z"), "validate_order", "UNKNOWN_SKU", 1),
        (order(quantity=0), "validate_order", "INVALID_QUANTITY", 1),
        (order(quantity=2502), "validate_order", "ORDER_TOTAL_TOO_HIGH", 1),
        (order(token="tok_declined"), "process_payment", "PAYMENT_DECLINED", 1),
        (order(sku="WIDGET-B", quantity=51), "reserve_inventory", "OUT_OF_STOCK", 3),
        (order(token="tok_timeout"), "process_payment", "PAYMENT_TIMEOUT", 3),
    ],
)
def test_an_order_that_fails_is_tried_again_only_where_that_may_help(
    context: Any, step: str, code: str, attempts: int
) -> None:
    result = WorkflowTest(OrderFulfillmentHandler).run(context)
    assert result.status == "blocked_by_failures"
    failed = result[step]
    assert (failed.state, failed.attempts) == ("error", attempts)
    assert failed.error is not None
    assert failed.error.error_code == code
    assert failed.error.retryable is (attempts > 1)


def test_a_payment_that_is_tried_again_keeps_its_id() -> None:
    test = WorkflowTest(OrderFulfillmentHandler)
    test.fail_attempt(
        "process_payment", error=RetryableError("no answer", error_code="PAYMENT_TIMEOUT")
    )
    result = test.run(order())
    assert result.status == "complete"
    payment = result["process_payment"]
    assert payment.attempts == 2
    assert payment.results["payment_id"] == f"PAY-{payment.step_uuid}"


def test_whatever_happens_to_an_attempt_nothing_is_reserved_or_charged_twice() -> None:
    report = check_idempotency(OrderFulfillmentHandler, order())
    assert report.runs >= 4
    assert report.not_compared == ()
