"""The workflow's handlers, under the names that its template gives."""

from order_fulfillment.step_handlers.process_payment_handler import ProcessPaymentHandler
from order_fulfillment.step_handlers.reserve_inventory_handler import ReserveInventoryHandler
from order_fulfillment.step_handlers.ship_order_handler import ShipOrderHandler
from order_fulfillment.step_handlers.validate_order_handler import ValidateOrderHandler

__all__ = [
    "ProcessPaymentHandler",
    "ReserveInventoryHandler",
    "ShipOrderHandler",
    "ValidateOrderHandler",
]
