"""The handler of order.yaml."""

from tasker_core.step_handler import step_handler
from tasker_core.types import Sequence, Step, Task


@step_handler("orders.price")
def price(task: Task, sequence: Sequence, step: Step) -> dict[str, int]:
    """What an order costs."""
    return {"total": 1}
