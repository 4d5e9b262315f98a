"""Several addresses in TASKER_URL: the next is asked where it helps and does no harm."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from samples import AT, TASK, TASK_UUID, error

from tasker_core.client import (
    AsyncTaskerClient,
    ConnectionLostError,
    NotConnectedError,
    TaskerClient,
    UnavailableError,
)

URLS = "http://one:8080, http://two:8080,"
END = f'{{"kind": "task", "at": "{AT}", "status": "complete", "execution_status": "x"}}'
CREATE: tuple[Any, ...] = ("create_task", "shop", "order", {})


def stands_by() -> httpx.Response:
    return error(503, "UNAVAILABLE", "engine two has the tasks", Retry_After="1")


def done() -> httpx.Response:
    return httpx.Response(200, json=TASK)


class Fleet:
    """Engines that answer by their names, and both clients of them."""

    def __init__(self, **engines: Callable[[], httpx.Response] | httpx.RequestError) -> None:
        self._engines = engines
        self.asked: list[str] = []
        self.pauses: list[float] = []

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.host)
        answer = self._engines[request.url.host]
        if isinstance(answer, httpx.RequestError):
            raise answer
        return answer()

    def call(self, name: str, /, *args: Any, **options: Any) -> Any:
        transport = httpx.MockTransport(self._answer)
        ways: dict[str, Any] = {"transport": transport, "sleep": self.pauses.append}
        with TaskerClient(URLS, **ways, retry_seconds=1.0, chance=lambda: 1.0) as client:
            given = getattr(client, name)(*args, **options)
            return list(given) if name == "follow" else given

    def call_async(self, name: str, /, *args: Any, **options: Any) -> Any:
        async def sleep(seconds: float) -> None:
            self.pauses.append(seconds)

        async def answer(request: httpx.Request) -> httpx.Response:
            return self._answer(request)

        async def call() -> Any:
            ways: dict[str, Any] = {"transport": httpx.MockTransport(answer), "sleep": sleep}
            async with AsyncTaskerClient(
                URLS, **ways, retry_seconds=1.0, chance=lambda: 1.0
            ) as client:
                given = getattr(client, name)(*args, **options)
                return [event async for event in given] if name == "follow" else await given

        return asyncio.run(call())


Call = Callable[..., Any]
CALLS = pytest.mark.parametrize("call", [Fleet.call, Fleet.call_async])


@CALLS
@pytest.mark.parametrize(
    "away",
    [stands_by, httpx.ConnectError("refused"), httpx.ConnectTimeout("no answer")],
    ids=["stands by", "refused", "silent"],
)
def test_what_was_not_done_is_asked_of_the_next_at_once(call: Call, away: Any) -> None:
    fleet = Fleet(one=away, two=done)
    assert str(call(fleet, *CREATE).task_uuid) == TASK_UUID
    assert fleet.asked == ["one", "two"]
    assert fleet.pauses == [0.0]


@CALLS
def test_a_broken_connection_is_left_only_for_what_may_be_done_twice(call: Call) -> None:
    fleet = Fleet(one=httpx.ReadError("reset"), two=done)
    assert str(call(fleet, "get_task", TASK_UUID).task_uuid) == TASK_UUID
    assert str(call(fleet, *CREATE, idempotency_key="k").task_uuid) == TASK_UUID
    fleet.asked.clear()
    with pytest.raises(ConnectionLostError):
        call(fleet, *CREATE)
    assert fleet.asked == ["one"]


@CALLS
def test_where_all_are_away_the_pauses_are_as_with_one(call: Call) -> None:
    fleet = Fleet(one=httpx.ConnectError("refused"), two=httpx.ConnectError("refused"))
    with pytest.raises(NotConnectedError) as raised:
        call(fleet, "workers")
    assert [pause for pause in fleet.pauses if pause] == [0.02, 0.04, 0.08, 0.16, 0.32]
    assert fleet.asked == ["one", "two"] * 6
    assert "no engine can be reached at http://two:8080: refused" in str(raised.value)
    busy = Fleet(one=stands_by, two=stands_by)
    with pytest.raises(UnavailableError):
        call(busy, "workers")
    assert busy.asked == ["one", "two"]


@CALLS
def test_a_task_is_followed_where_it_is(call: Call) -> None:
    def events() -> httpx.Response:
        return httpx.Response(200, text=f"id: 1-0\ndata: {END}\n\n")

    for away in (stands_by, httpx.ConnectError("refused")):
        fleet = Fleet(one=away, two=events)
        assert [event.status for event in call(fleet, "follow", TASK_UUID)] == ["complete"]
        assert fleet.asked == ["one", "two"]


@CALLS
def test_health_is_asked_once_of_each(call: Call) -> None:
    away = httpx.ConnectError("refused")
    ready = Fleet(one=away, two=lambda: httpx.Response(200, json={"status": "ok", "reasons": []}))
    assert call(ready, "health").status == "ok"
    assert call(ready, "is_ready") is True
    assert ready.asked == ["one", "two"] * 2
    gone = Fleet(one=away, two=away)
    with pytest.raises(NotConnectedError):
        call(gone, "health")
    assert call(gone, "is_ready") is False
    assert gone.asked == ["one", "two"] * 2


def test_the_one_that_answered_last_is_asked_first() -> None:
    fleet = Fleet(one=stands_by, two=done)
    transport = httpx.MockTransport(fleet._answer)
    with TaskerClient(URLS, transport=transport, sleep=lambda _: None) as client:
        for _ in range(3):
            client.get_task(TASK_UUID)
    assert fleet.asked == ["one", "two", "two", "two"]
