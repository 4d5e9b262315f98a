"""Reserves what was ordered."""

from collections import Counter

from order_fulfillment.models import Order, Reservation, ValidatedOrder
from order_fulfillment.warehouse import STOCK
from tasker_core.errors import RetryableError
from tasker_core.step_handler import TypedStepHandler
from tasker_core.types import Step


class ReserveInventoryHandler(TypedStepHandler[Order, Reservation]):
    """The reservation is named after the step's idempotency key.

    So an attempt that is made again reserves nothing twice.
    """

    def run(self, context: Order, step: Step, validate_order: ValidatedOrder) -> Reservation:
        """Fails with OUT_OF_STOCK, to be tried again when there may be more."""
        wanted: Counter[str] = Counter()
        for line in validate_order.items:
            wanted[line.sku] += line.quantity
        for sku, quantity in wanted.items():
            if quantity > STOCK[sku]:
                raise RetryableError(
                    f"{quantity} of {sku} are wanted, {STOCK[sku]} are there",
                    error_code="OUT_OF_STOCK",
                    metadata={"sku": sku, "wanted": quantity, "available": STOCK[sku]},
                )
        return Reservation(reservation_id=f"RES-{step.idempotency_key}", reserved=dict(wanted))
