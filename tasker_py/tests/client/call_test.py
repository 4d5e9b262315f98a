"""What is sent, and how answers are read: digit for digit, and errors as what they are."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import httpx
import pytest
from samples import STEP, STEP_UUID, SUMMARY, TASK, TASK_UUID, Played, error

from tasker_core.client import (
    ApiError,
    ConflictError,
    ErrorCode,
    InvalidRequestError,
    NotFoundError,
    RefusedCallError,
    TaskerClient,
    TaskStatus,
    UnauthorizedError,
    UnexpectedAnswerError,
)
from tasker_core.client.lines import json_line
from tasker_core.errors import ConfigurationError, TaskerError


def task(**fields: Any) -> httpx.Response:
    return httpx.Response(200, json={**TASK, **fields})


def test_floats_are_exact_and_those_too_large_are_decimals() -> None:
    answer = json.dumps({**TASK, "context": "X"}).replace('"X"', "[0.1, -0.0, 1e400, 1e22]")
    context = Played(httpx.Response(200, content=answer)).call("get_task", TASK_UUID).context
    assert repr(context) == "[0.1, -0.0, Decimal('1E+400'), 1e+22]"
    assert json_line(context) == "[0.1, -0.0, 1E+400, 1e+22]"


def test_what_a_newer_engine_adds_does_no_harm() -> None:
    shown = Played(task(status="paused", colour="red")).call("get_task", TASK_UUID)
    assert shown.status == "paused"
    assert isinstance(shown.status, TaskStatus)
    assert not shown.status.is_settled
    assert not hasattr(shown, "colour")
    assert shown.raw["colour"] == "red"


def test_models_do_not_change_and_times_are_times() -> None:
    shown = Played(task()).call("get_task", TASK_UUID)
    assert shown.created_at == datetime(2026, 1, 5, 9, 30, 0, 123456, tzinfo=UTC)
    with pytest.raises(ValueError, match="frozen"):
        shown.status = TaskStatus.ERROR


def test_names_are_escaped_in_paths() -> None:
    engine = Played(error(404, "TEMPLATE_NOT_FOUND"))
    with pytest.raises(NotFoundError):
        engine.call("template", "a/b", "c d?", "1.0.0")
    assert engine.requests[0].url.raw_path == b"/v1/templates/a%2Fb/c%20d%3F/1.0.0"


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "INVALID_REQUEST", InvalidRequestError),
        (401, "UNAUTHORIZED", UnauthorizedError),
        (404, "TASK_NOT_FOUND", NotFoundError),
        (409, "TASK_ENDED", ConflictError),
        (413, "CONTEXT_TOO_LARGE", InvalidRequestError),
        (422, "CONTEXT_INVALID", InvalidRequestError),
        (500, "INTERNAL", RefusedCallError),
        (418, "OF_A_NEWER_ENGINE", RefusedCallError),
    ],
)
def test_a_refusal_is_told_whole(status: int, code: str, kind: type[RefusedCallError]) -> None:
    with pytest.raises(TaskerError) as raised:
        Played(error(status, code, "it is so")).call("get_task", TASK_UUID)
    told = raised.value
    assert type(told) is kind
    assert (told.status, told.code, told.message) == (status, ErrorCode(code), "it is so")
    assert told.details == {"nearest": ["order"]}
    url = f"http://engine/v1/tasks/{TASK_UUID}"
    assert str(told) == f"GET {url}: {status} {code}: it is so"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (httpx.Response(200, content=b'{"task_uuid": '), "no JSON: Expecting value"),
        (httpx.Response(200, content=b"\xff\xfe{"), "no JSON: "),
        (httpx.Response(200, content=b"[NaN]"), "NaN is no JSON"),
        (httpx.Response(200, json={"task_uuid": "x"}), "task_uuid: "),
        (httpx.Response(200, content=b"[" * 200_000), "nested too deeply"),
        (httpx.Response(404, content=b"<html>nothing here</html>"), "'<html>nothing here</html>'"),
        (httpx.Response(302, headers={"Location": "/"}), "302"),
        (httpx.Response(400, json={"error": "text"}), "error: "),
    ],
)
def test_an_answer_of_something_else_is_told(answer: httpx.Response, reason: str) -> None:
    with pytest.raises(UnexpectedAnswerError) as raised:
        Played(answer).call("get_task", TASK_UUID)
    assert reason in str(raised.value)
    assert raised.value.status == answer.status_code
    assert "\n" not in str(raised.value)
    assert isinstance(raised.value, ApiError)


def test_lists_follow_their_cursors() -> None:
    pages = [
        {"tasks": [SUMMARY], "next_cursor": "c1"},
        {"tasks": [], "next_cursor": "c2"},
        {"tasks": [SUMMARY], "next_cursor": None},
    ]
    engine = Played(*(httpx.Response(200, json=page) for page in pages))
    since = datetime(2026, 1, 5, 1, tzinfo=timezone(timedelta(hours=1)))
    listed = engine.call("list_tasks", namespace="shop", created_after=since)
    assert [str(summary.task_uuid) for summary in listed] == [TASK_UUID] * 2
    asked = [dict(request.url.params) for request in engine.requests]
    filters = {"namespace": "shop", "created_after": "2026-01-05T01:00:00+01:00"}
    assert asked == [filters, {"cursor": "c1", **filters}, {"cursor": "c2", **filters}]


def test_steps_follow_their_cursor() -> None:
    pages = [{"steps": [STEP], "next_cursor": "7"}, {"steps": [STEP], "next_cursor": None}]
    engine = Played(*(httpx.Response(200, json=page) for page in pages))
    assert [step.step_name for step in engine.call("list_steps", TASK_UUID)] == ["charge"] * 2
    assert [request.url.query for request in engine.requests] == [b"", b"cursor=7"]


def test_logs_are_asked_for() -> None:
    engine = Played(httpx.Response(200, json={**STEP, "history": []}))
    assert engine.call("get_step", TASK_UUID, STEP_UUID, logs=True).history == ()
    assert engine.requests[0].url.query == b"logs=true"


def test_the_url_and_the_token_come_from_arguments_or_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TASKER_URL", "http://one:8080/, http://two:8080")
    monkeypatch.setenv("TASKER_TOKEN", "secret")
    with TaskerClient() as client:
        one, two = client.endpoints
        assert (one.url, two.url) == ("http://one:8080", "http://two:8080")
        assert one.headers["Authorization"] == two.headers["Authorization"] == "Bearer secret"
    with TaskerClient("https://three/prefix", "other") as client:
        (three,) = client.endpoints
        assert three.url == "https://three/prefix"
        assert three.headers["Authorization"] == "Bearer other"
    monkeypatch.delenv("TASKER_URL")
    monkeypatch.delenv("TASKER_TOKEN")
    with TaskerClient() as client:
        (own,) = client.endpoints
        assert own.url == "http://127.0.0.1:8080"
        assert "Authorization" not in own.headers


@pytest.mark.parametrize("url", ["engine:8080", "ftp://engine", "http://", "http://[::1"])
def test_what_is_no_url_is_told(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"is not the URL of an engine: .*; it looks"):
        TaskerClient(url)
