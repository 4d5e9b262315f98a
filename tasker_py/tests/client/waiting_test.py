"""Waiting for a task: in calls that any proxy lets pass, for as long as the caller says."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from samples import TASK, TASK_UUID, Played, error

from tasker_core.client import (
    AsyncTaskerClient,
    ConnectionLostError,
    InvalidRequestError,
    StillRunningError,
    TaskerClient,
    TaskStatus,
    UnexpectedAnswerError,
)

CREATE: tuple[Any, ...] = ("create_task", "shop", "order", {})


def task(**fields: Any) -> httpx.Response:
    return httpx.Response(200, json={**TASK, **fields})


def running() -> httpx.Response:
    return task(status="steps_in_process", waiting_on=["charge is with worker w"])


WAY_SECONDS = 0.001


class Proxy:
    """Before an engine with a task that takes `task_seconds`, on a clock of its own.

    It gives each answer `patience` seconds, and answers 504 itself when there is none by then.
    """

    def __init__(self, patience: float, task_seconds: float) -> None:
        self.now = 0.0
        self.posts = 0
        self._patience = patience
        self._task_seconds = task_seconds

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.posts += request.method == "POST"
        wait = float(request.url.params.get("wait", 0))
        left = max(0.0, self._task_seconds - self.now)
        if min(wait, left) > self._patience:
            self.now += self._patience
            return httpx.Response(504, text="<html>504 Gateway Time-out</html>")
        self.now += min(wait, left) + WAY_SECONDS
        return task() if left <= wait else running()

    def call(self, name: str, /, *args: Any, **options: Any) -> Any:
        def sleep(seconds: float) -> None:
            self.now += seconds

        transport = httpx.MockTransport(self.answer)
        ways: dict[str, Any] = {"transport": transport, "sleep": sleep, "clock": lambda: self.now}
        with TaskerClient("http://engine", **ways) as client:
            return getattr(client, name)(*args, **options)

    def call_async(self, name: str, /, *args: Any, **options: Any) -> Any:
        async def sleep(seconds: float) -> None:
            self.now += seconds

        async def answer(request: httpx.Request) -> httpx.Response:
            return self.answer(request)

        async def call() -> Any:
            transport = httpx.MockTransport(answer)
            ways: dict[str, Any] = {"transport": transport, "sleep": sleep}
            async with AsyncTaskerClient("http://engine", **ways, clock=lambda: self.now) as client:
                return await getattr(client, name)(*args, **options)

        return asyncio.run(call())


CALLS = pytest.mark.parametrize("call", [Proxy.call, Proxy.call_async])
Call = Callable[..., Any]


# nginx gives an answer 60 s, HAProxy as it is packaged 50 s; some give less than a call takes.
@CALLS
@pytest.mark.parametrize("patience", [60, 50, 10])
def test_behind_a_proxy_waiting_ends_with_its_time(call: Call, patience: float) -> None:
    proxy = Proxy(patience, task_seconds=220)
    with pytest.raises(StillRunningError):
        call(proxy, "wait", TASK_UUID, timeout=90)
    assert proxy.now == pytest.approx(90, abs=0.1)


@CALLS
@pytest.mark.parametrize("patience", [60, 50, 10])
def test_behind_a_proxy_a_task_is_waited_for_as_long_as_it_takes(
    call: Call, patience: float
) -> None:
    proxy = Proxy(patience, task_seconds=2000)
    assert call(proxy, "wait", TASK_UUID).status is TaskStatus.COMPLETE
    assert proxy.now == pytest.approx(2000, abs=2)


@CALLS
@pytest.mark.parametrize("options", [{}, {"idempotency_key": "k"}])
def test_behind_a_proxy_a_creation_that_waits_gives_its_task(
    call: Call, options: dict[str, Any]
) -> None:
    proxy = Proxy(50, task_seconds=220)
    given = call(proxy, *CREATE, wait=90, **options)
    assert (str(given.task_uuid), given.status) == (TASK_UUID, TaskStatus.STEPS_IN_PROCESS)
    assert proxy.now == pytest.approx(90, abs=0.1)
    assert proxy.posts == 1
    assert call(proxy, "get_task", TASK_UUID, wait=300).status is TaskStatus.COMPLETE
    assert proxy.now == pytest.approx(220, abs=0.1)


def test_without_a_key_the_uuid_comes_before_the_wait() -> None:
    engine = Played(running(), httpx.ReadError("reset"), task(), clock=lambda: 0.0)
    assert str(engine.call(*CREATE, wait=2.5).task_uuid) == TASK_UUID
    asked = [(request.method, request.url.query) for request in engine.requests]
    assert asked == [("POST", b"wait=0"), ("GET", b"wait=2.5"), ("GET", b"wait=2.5")]


def test_under_a_key_one_call_does() -> None:
    engine = Played(task(), clock=lambda: 0.0)
    engine.call(*CREATE, wait=60, idempotency_key="k")
    assert [request.url.query for request in engine.requests] == [b"wait=25"]


def test_a_time_that_is_none_creates_nothing() -> None:
    for wait, sent in ((-1, b"wait=-1"), (float("nan"), b"wait=nan")):
        engine = Played(error(400, "INVALID_REQUEST"))
        with pytest.raises(InvalidRequestError):
            engine.call(*CREATE, wait=wait)
        assert engine.requests[0].url.query == sent


def test_waiting_goes_on_until_the_task_is_settled() -> None:
    engine = Played(running(), running(), task(status="blocked_by_failures"))
    assert engine.call("wait", TASK_UUID).status is TaskStatus.BLOCKED_BY_FAILURES
    assert [request.url.query for request in engine.requests] == [b"wait=25"] * 3


def test_waiting_ends_with_its_time() -> None:
    seconds = iter([0.0, 0.0, 24.5, 24.5, 35.5] * 2)
    engine = Played(running(), running(), clock=lambda: next(seconds))
    with pytest.raises(StillRunningError) as raised:
        engine.call("wait", TASK_UUID, timeout=35)
    assert [request.url.query for request in engine.requests] == [b"wait=25", b"wait=10.5"]
    assert str(raised.value) == (
        f"task {TASK_UUID} is still steps_in_process after 35 s: charge is with worker w"
    )
    assert raised.value.task.context == {"n": 6}
    assert isinstance(raised.value, TimeoutError)


def test_an_engine_that_is_gone_ends_the_waiting_with_its_error() -> None:
    engine = Played(*[httpx.ReadError("reset")] * 3, retry_seconds=0.07)
    with pytest.raises(ConnectionLostError):
        engine.call("wait", TASK_UUID)
    assert engine.pauses == [0.02, 0.04]
    gone = Played(*[httpx.Response(504, text="gone")] * 3, retry_seconds=0.07)
    with pytest.raises(UnexpectedAnswerError):
        gone.call("wait", TASK_UUID)
    assert [request.url.query for request in gone.requests] == [
        b"wait=25",
        b"wait=12.5",
        b"wait=6.25",
    ]
