"""The workflow's task handler, under the name that its template gives."""

from order_fulfillment.handlers.order_fulfillment_handler import OrderFulfillmentHandler

__all__ = ["OrderFulfillmentHandler"]
