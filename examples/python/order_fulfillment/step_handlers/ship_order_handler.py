"""Ships the order."""

from decimal import Decimal

from order_fulfillment.models import (
    Order,
    PaymentReceipt,
    Reservation,
    Shipment,
    ValidatedOrder,
)
from tasker_core.step_handler import TypedStepHandler
from tasker_core.types import Step


class ShipOrderHandler(TypedStepHandler[Order, Shipment]):
    """Standard goes by ground, express by air; the customer pays for order and shipment."""

    def run(
        self,
        context: Order,
        step: Step,
        validate_order: ValidatedOrder,
        reserve_inventory: Reservation,
        process_payment: PaymentReceipt,
    ) -> Shipment:
        """Never fails."""
        if context.shipping.method == "express":
            cost = Decimal("24.99")
            return Shipment(carrier="air", cost=cost, total_charged=process_payment.amount + cost)
        cost = Decimal("8.99")
        return Shipment(carrier="ground", cost=cost, total_charged=process_payment.amount + cost)
