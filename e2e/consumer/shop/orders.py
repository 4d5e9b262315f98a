"""The steps of an order."""

from slugify import slugify

from tasker_core.errors import PermanentError
from tasker_core.step_handler import step_handler
from tools.money import euros

PRICES = {"book": 20, "lamp": 35}


@step_handler("orders.price")
def price(task, sequence, step):
    item = slugify(task.context["item"])
    if item not in PRICES:
        raise PermanentError(f"there is no {item!r}", error_code="UNKNOWN_ITEM")
    return {"item": item, "total": PRICES[item] * task.context["count"]}


@step_handler("orders.charge")
def charge(task, sequence, step):
    # Any other exception is tried again, with back-off; the key is the same for all attempts.
    total = sequence["price"]["total"]
    return {"paid": total, "text": euros(total), "payment": f"PAY-{step.idempotency_key}"}
