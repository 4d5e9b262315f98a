"""Tasks that a task handler starts: what is sent, what is refused before, what the handle knows."""

import asyncio
import json
from collections.abc import Callable
from typing import Annotated, Any

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from samples import STEP, TASK, TASK_UUID

from tasker_core.client import AsyncTaskerClient, TaskerClient, TaskStatus
from tasker_core.errors import NoResultsError
from tasker_core.task_handler import AsyncTaskHandle, TaskHandle, TaskHandlerBase


class Order(BaseModel):
    item: str
    count: Annotated[int, Field(alias="how_many")] = 1


class Receipt(BaseModel):
    paid: int


class Results(BaseModel):
    charge: Receipt


class OrderHandler(TaskHandlerBase[Order, Results]):
    namespace = "shop"
    name = "order"
    version = "2.0.0"


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class OpenHandler(TaskHandlerBase[Open, Results]):
    namespace = "shop"
    name = "open"
    version = "1.0.0"


DONE = {**TASK, "status": "complete", "execution_status": "all_complete", "waiting_on": []}
STEPS = [
    {**STEP, "step_name": "price", "current_state": "complete", "results": {"of": 7}},
    {**STEP, "step_name": "charge", "current_state": "complete", "results": {"paid": 7}},
]


class Engine:
    """Answers as an engine whose task is this one; `asked` has a method, path and body each."""

    def __init__(self, task: Any = DONE, created: Any = TASK) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self._task, self._created = task, created

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        self.asked.append((request.method, request.url.path, body))
        if request.method == "POST":
            return httpx.Response(201, json=self._created)
        if request.url.path.endswith("/workflow_steps"):
            return httpx.Response(200, json={"steps": STEPS, "next_cursor": None})
        return httpx.Response(200, json=self._task)


def sync_client(engine: Engine) -> TaskerClient:
    return TaskerClient("http://engine", transport=httpx.MockTransport(engine))


def use(engine: Engine, do: Callable[[Any], Any]) -> Any:
    """What is done with a client for coroutines."""

    async def done() -> Any:
        async def answer(request: httpx.Request) -> httpx.Response:
            return engine(request)

        transport = httpx.MockTransport(answer)
        async with AsyncTaskerClient("http://engine", transport=transport) as client:
            return await do(client)

    return asyncio.run(done())


def test_fields_become_the_context_of_a_task_of_the_handlers_version() -> None:
    engine = Engine()
    with sync_client(engine) as client:
        handle = OrderHandler.start(client, item="book", how_many=2)
    assert isinstance(handle, TaskHandle)
    assert (str(handle.task_uuid), handle.status) == (TASK_UUID, TASK["status"])
    (asked,) = engine.asked
    assert asked == (
        "POST",
        "/v1/tasks",
        {
            "namespace": "shop",
            "name": "order",
            "version": "2.0.0",
            "context": {"item": "book", "how_many": 2},
        },
    )


def test_options_go_with_a_context() -> None:
    engine = Engine()
    with sync_client(engine) as client:
        OrderHandler.start(
            client, Order(item="book"), idempotency_key="k", priority=5, tags=["first"]
        )
    body = engine.asked[0][2]
    assert body["context"] == {"item": "book", "how_many": 1}
    assert {name: body[name] for name in ("idempotency_key", "priority", "tags")} == {
        "idempotency_key": "k",
        "priority": 5,
        "tags": ["first"],
    }


def test_waiting_reads_the_steps_in_one_call_and_gives_typed_results() -> None:
    engine = Engine()
    with sync_client(engine) as client:
        handle = OrderHandler.start(client, item="book").wait(timeout=1)
    assert handle.status is TaskStatus.COMPLETE
    assert handle.results == Results(charge=Receipt(paid=7))
    assert handle.results is handle.results
    task = f"/v1/tasks/{TASK_UUID}"
    assert [asked[:2] for asked in engine.asked] == [
        ("POST", "/v1/tasks"),
        ("GET", task),
        ("GET", f"{task}/workflow_steps"),
    ]


def test_coroutines_do_the_same() -> None:
    engine = Engine()

    async def start(client: AsyncTaskerClient) -> AsyncTaskHandle[Results]:
        handle = await OrderHandler.start(client, Order(item="book"), priority=1)
        assert str(handle.task_uuid) == TASK_UUID
        return await handle.wait()

    handle = use(engine, start)
    assert handle.results.charge.paid == 7
    assert [asked[0] for asked in engine.asked] == ["POST", "GET", "GET"]


@pytest.mark.parametrize(
    ("handler", "given", "says"),
    [
        (
            OrderHandler,
            {"item": "book", "idempotency_key": "k"},
            (
                "OrderHandler.start: Order has no field 'idempotency_key'; options go with a "
                "context: start(client, Order(...), idempotency_key=...)"
            ),
        ),
        (OpenHandler, {"more": 1, "priority": 2}, "Open has no field 'priority'"),
    ],
)
def test_a_keyword_that_is_no_field_is_refused(handler: Any, given: Any, says: str) -> None:
    engine = Engine()
    with sync_client(engine) as client, pytest.raises(TypeError) as raised:
        handler.start(client, **given)
    assert says in str(raised.value)
    assert engine.asked == []


def test_a_context_of_another_type_is_refused() -> None:
    with sync_client(Engine()) as client, pytest.raises(TypeError) as raised:
        OrderHandler.start(client, {"item": "book"})  # type: ignore[call-overload]
    assert str(raised.value) == "OrderHandler.start takes a Order, not {'item': 'book'}"


def test_fields_that_do_not_fit_are_not_sent() -> None:
    engine = Engine()
    with sync_client(engine) as client, pytest.raises(ValidationError):
        OrderHandler.start(client, item="book", how_many="many")
    assert engine.asked == []


def test_a_task_that_was_not_waited_for_has_no_results() -> None:
    # A key may give a task that is complete already.
    for status in ("pending", "complete"):
        with sync_client(Engine(created={**TASK, "status": status})) as client:
            handle = OrderHandler.start(client, item="book")
        with pytest.raises(NoResultsError, match=f"it is {status}; call `wait` first"):
            _ = handle.results


def test_a_task_that_is_blocked_says_what_holds_it_up() -> None:
    blocked = {**TASK, "status": "blocked_by_failures", "waiting_on": ["charge: declined"]}
    with sync_client(Engine(blocked)) as client:
        handle = OrderHandler.start(client, item="book").wait()
    with pytest.raises(NoResultsError) as raised:
        _ = handle.results
    assert str(raised.value) == (
        f"the task {TASK_UUID} of OrderHandler has no results: it is blocked_by_failures\n"
        "  charge: declined"
    )
    assert repr(handle) == f"<TaskHandle OrderHandler {TASK_UUID}: blocked_by_failures>"
