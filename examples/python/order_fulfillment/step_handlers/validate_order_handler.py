"""Checks the order and adds it up."""

from decimal import Decimal

from order_fulfillment.models import Order, OrderLine, ValidatedOrder
from order_fulfillment.warehouse import STOCK
from tasker_core.errors import PermanentError
from tasker_core.step_handler import TypedStepHandler
from tasker_core.types import Step

HIGHEST_TOTAL = Decimal("50000.00")


class ValidateOrderHandler(TypedStepHandler[Order, ValidatedOrder]):
    """Every product is known, every quantity at least 1, the total at most 50,000."""

    def run(self, context: Order, step: Step) -> ValidatedOrder:
        """Fails for good with UNKNOWN_SKU, INVALID_QUANTITY or ORDER_TOTAL_TOO_HIGH."""
        for item in context.items:
            if item.sku not in STOCK:
                raise PermanentError(f"there is no product {item.sku!r}", error_code="UNKNOWN_SKU")
            if item.quantity < 1:
                raise PermanentError(
                    f"the quantity of {item.sku} must be at least 1, not {item.quantity}",
                    error_code="INVALID_QUANTITY",
                )
        lines = tuple(
            OrderLine(sku=item.sku, quantity=item.quantity, line_total=item.price * item.quantity)
            for item in context.items
        )
        total = sum((line.line_total for line in lines), Decimal(0))
        if total > HIGHEST_TOTAL:
            raise PermanentError(
                f"the order's total {total} is higher than {HIGHEST_TOTAL}",
                error_code="ORDER_TOTAL_TOO_HIGH",
            )
        return ValidatedOrder(customer_id=context.customer.id, items=lines, order_total=total)
