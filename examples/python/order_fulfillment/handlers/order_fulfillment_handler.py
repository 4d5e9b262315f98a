"""The workflow's typed face: its context, its results, and how its tasks are started."""

from order_fulfillment.models import Model, Order, Shipment
from tasker_core.task_handler import TaskHandlerBase


class OrderFulfillmentResults(Model):
    """What the last step returns."""

    ship_order: Shipment


class OrderFulfillmentHandler(TaskHandlerBase[Order, OrderFulfillmentResults]):
    """Checks an order, reserves and charges what it is for, ships it."""

    namespace = "order_fulfillment_py"
    name = "business_workflow_py"
    version = "1.0.0"
