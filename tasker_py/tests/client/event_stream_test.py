"""A task's events are read whatever way they arrive, and go on where a connection broke off."""

import json
from typing import Any

import httpx
import pytest
from samples import AT, STEP_UUID, TASK, TASK_UUID, Played, error

from tasker_core.client import (
    ConnectionLostError,
    NotFoundError,
    TaskEvent,
    UnexpectedAnswerError,
)
from tasker_core.client.event_stream import EventReader
from tasker_core.client.lines import event_line


def event(number: int, kind: str = "task", **fields: Any) -> bytes:
    shown = {"kind": kind, "at": AT, **fields}
    return f"id: {number}-0\nevent: {kind}\ndata: {json.dumps(shown)}\n\n".encode()


def status(number: int, name: str) -> bytes:
    return event(number, status=name, execution_status="processing")


def step(number: int, state: str, message: str | None = None) -> bytes:
    fields = {"step_uuid": STEP_UUID, "step_name": "charge", "attempt": 1, "worker_id": None}
    return event(number, "step", state=state, error_message=message, **fields)


def stream(*events: bytes) -> httpx.Response:
    return httpx.Response(200, content=b"".join(events))


BEGUN, CHARGED, DONE = status(1, "pending"), step(2, "complete"), status(3, "complete")


def follow(engine: Played, **options: Any) -> list[str]:
    events = engine.call("follow", TASK_UUID, **options)
    return [str(event.status if event.kind == "task" else event.state) for event in events]


def resumed(engine: Played) -> list[str | None]:
    """`Last-Event-ID` of each connection."""
    asked = [request for request in engine.requests if request.url.path.endswith("/events")]
    return [request.headers.get("Last-Event-ID") for request in asked]


def test_events_come_until_the_task_has_ended() -> None:
    engine = Played(stream(BEGUN, b": hello\n\n", CHARGED, DONE))
    assert follow(engine) == ["pending", "complete", "complete"]
    assert engine.requests[0].headers["Accept"] == "text/event-stream"
    assert engine.requests[0].url.path == f"/v1/tasks/{TASK_UUID}/events"


def test_they_go_on_after_the_last_that_was_whole() -> None:
    engine = Played(
        httpx.ConnectError("refused"),
        stream(BEGUN, CHARGED[:-2]),
        httpx.ReadError("reset"),
        error(503, "UNAVAILABLE", Retry_After="1"),
        stream(CHARGED, DONE),
    )
    assert follow(engine) == ["pending", "complete", "complete"]
    assert resumed(engine) == [None, None, "1-0", "1-0", "1-0"]
    assert engine.pauses == [0.02, 0.02, 0.04, pytest.approx(1.08)]


def test_one_may_go_on_from_an_event_that_was_seen_before() -> None:
    engine = Played(stream(CHARGED, DONE))
    assert follow(engine, last_event_id="1-0") == ["complete", "complete"]
    assert resumed(engine) == ["1-0"]


def test_no_content_is_the_end() -> None:
    engine = Played(stream(BEGUN), httpx.Response(204))
    assert follow(engine) == ["pending"]
    assert resumed(engine) == [None, "1-0"]


def test_nothing_after_the_end_is_the_end() -> None:
    engine = Played(stream(), httpx.Response(200, json=TASK), stream())
    assert follow(engine, last_event_id="3-0") == []
    assert resumed(engine) == ["3-0", "3-0"]


def test_an_end_that_came_between_two_connections_is_told() -> None:
    engine = Played(stream(), httpx.Response(200, json=TASK), stream(CHARGED, DONE))
    assert follow(engine, last_event_id="1-0") == ["complete", "complete"]


def test_connections_that_tell_nothing_are_given_up() -> None:
    running = httpx.Response(200, json={**TASK, "status": "steps_in_process"})
    engine = Played(stream(), running, stream(), running, retry_seconds=0.05)
    with pytest.raises(ConnectionLostError, match="the events end before the task has"):
        follow(engine)
    assert engine.pauses == [0.02]


def test_a_blocked_task_has_not_ended() -> None:
    engine = Played(stream(status(1, "blocked_by_failures")), stream(DONE))
    assert follow(engine) == ["blocked_by_failures", "complete"]


def test_silence_is_no_reason_to_give_up() -> None:
    engine = Played(stream(BEGUN), httpx.ReadTimeout("silence"), stream(DONE))
    assert follow(engine) == ["pending", "complete"]


def test_kinds_of_a_newer_engine_are_left_out_but_count() -> None:
    engine = Played(stream(event(5, "weather", sky="blue")), stream(DONE))
    assert follow(engine) == ["complete"]
    assert resumed(engine) == [None, "5-0"]


@pytest.mark.parametrize("data", [b"{", b'{"kind": "task"}', b"7"])
def test_an_event_that_is_none_is_told(data: bytes) -> None:
    with pytest.raises(UnexpectedAnswerError, match=f"GET http://engine/v1/tasks/{TASK_UUID}"):
        follow(Played(stream(b"data: " + data + b"\n\n")))


def test_a_task_that_is_not_there_is_told_at_once() -> None:
    engine = Played(error(404, "TASK_NOT_FOUND"))
    with pytest.raises(NotFoundError):
        follow(engine)
    assert engine.pauses == []


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_bytes_come_in_any_portions(size: int) -> None:
    # U+2028 ends a line for Unicode, not here.
    text = (
        b'id: 1\r\ndata: {"a":\r\ndata: "\xe2\x80\xa8"}\r\n\r\n:x\n\nretry: 5\ndata:b\n\ndata: cut'
    )
    reader = EventReader()
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    events = [event for piece in pieces for event in reader.feed(piece)]
    assert events == [("1", '{"a":\n"\u2028"}'), ("1", "b")]


def test_the_end_of_an_attempt_has_a_line() -> None:
    def why(event: TaskEvent) -> str | None:
        return event.error_message if event.kind == "step" else None

    shown = Played(stream(step(1, "enqueued"), step(2, "error", "no money"), DONE))
    lines = [event_line(event, why(event)) for event in shown.call("follow", TASK_UUID)]
    assert lines == [None, "  charge                  error: attempt 1: no money", None]
