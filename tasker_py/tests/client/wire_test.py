"""Faults of a real connection, by a server that breaks off where a test says."""

import asyncio
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest
from samples import AT, TASK, TASK_UUID
from serving import serving

from tasker_core.client import (
    AsyncTaskerClient,
    ConnectionLostError,
    NotConnectedError,
    TaskerClient,
    UnexpectedAnswerError,
)

BODY = json.dumps(TASK).encode()
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(BODY), BODY)
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
Call = Callable[[str], Any]


def event(number: int, status: str) -> bytes:
    shown = {"kind": "task", "at": AT, "status": status, "execution_status": "processing"}
    return f"id: {number}-0\ndata: {json.dumps(shown)}\n\n".encode()


def get(url: str) -> Any:
    with TaskerClient(url) as client:
        return client.get_task(TASK_UUID)


def get_asynchronously(url: str) -> Any:
    async def ask() -> Any:
        async with AsyncTaskerClient(url) as client:
            return await client.get_task(TASK_UUID)

    return asyncio.run(ask())


def cancel(url: str) -> Any:
    with TaskerClient(url) as client:
        return client.cancel_task(TASK_UUID)


def cancel_asynchronously(url: str) -> Any:
    async def ask() -> Any:
        async with AsyncTaskerClient(url) as client:
            return await client.cancel_task(TASK_UUID)

    return asyncio.run(ask())


def follow(url: str) -> list[str]:
    with TaskerClient(url) as client:
        return [event.status for event in client.follow(TASK_UUID) if event.kind == "task"]


def follow_asynchronously(url: str) -> list[str]:
    async def ask() -> list[str]:
        async with AsyncTaskerClient(url) as client:
            events = client.follow(TASK_UUID)
            return [event.status async for event in events if event.kind == "task"]

    return asyncio.run(ask())


@pytest.mark.parametrize("call", [get, get_asynchronously])
@pytest.mark.parametrize("length", [0, 10, len(WHOLE) - 1])
def test_an_answer_that_is_cut_off_is_asked_for_again(call: Call, length: int) -> None:
    with serving(WHOLE[:length], WHOLE) as (url, requests):
        assert call(url).raw == TASK
    assert len(requests) == 2


@pytest.mark.parametrize("call", [cancel, cancel_asynchronously])
def test_a_change_that_may_have_happened_is_told(call: Call) -> None:
    with serving(WHOLE[:-1]) as (url, requests):
        with pytest.raises(ConnectionLostError) as raised:
            call(url)
        assert str(raised.value).startswith(
            f"DELETE {url}/v1/tasks/{TASK_UUID}: the connection was lost: "
        )
    assert len(requests) == 1
    assert type(raised.value) is ConnectionLostError


@pytest.mark.parametrize("call", [get, get_asynchronously])
def test_malformed_json_is_told_and_not_asked_for_again(call: Call) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{"
    with serving(answer) as (url, requests), pytest.raises(UnexpectedAnswerError, match="no JSON"):
        call(url)
    assert len(requests) == 1


@pytest.mark.parametrize("call", [follow, follow_asynchronously])
def test_events_that_break_off_go_on(call: Call) -> None:
    first, second, last = event(1, "pending"), event(2, "steps_in_process"), event(3, "complete")
    with serving(STREAM + first + second[:20], STREAM + second, STREAM + last) as (url, requests):
        assert call(url) == ["pending", "steps_in_process", "complete"]
    resumed = [request.lower().partition(b"last-event-id: ")[2][:3] for request in requests]
    assert resumed == [b"", b"1-0", b"2-0"]


def test_whoever_has_seen_enough_breaks_off() -> None:
    async def ask(url: str) -> str:
        async with AsyncTaskerClient(url) as client:
            async for event in client.follow(TASK_UUID):
                return event.kind
        raise AssertionError("there is an event")

    with serving(STREAM + event(1, "pending")) as (url, _):
        assert asyncio.run(ask(url)) == "task"
    with serving(STREAM + event(1, "pending")) as (url, _), TaskerClient(url) as client:
        assert next(iter(client.follow(TASK_UUID))).kind == "task"


def test_no_engine_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    with TaskerClient(url, retry_seconds=0.1) as client, pytest.raises(NotConnectedError) as raised:
        client.create_task("shop", "order", {})
    assert f"no engine can be reached at {url}: " in str(raised.value)


def test_a_proxy_of_the_environment_is_not_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with serving(WHOLE) as (url, _):
        assert get(url).raw == TASK
