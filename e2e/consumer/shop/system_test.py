"""An order through the whole system."""

from e2e.ordering import results
from examples.orders import BOOKS

from tasker_core.client import TaskerClient


def test_an_order_is_paid():
    with TaskerClient() as client:
        task = client.create_task("shop", "order", BOOKS)
        assert client.wait(task.task_uuid, timeout=60).status == "complete"
        assert results(client, task)["charge"]["text"] == "€ 40.00"
