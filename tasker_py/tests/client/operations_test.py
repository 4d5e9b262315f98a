"""Every operation of docs/openapi.json has a method, with its parameters, and the reverse."""

import inspect
import json
import typing
from pathlib import Path
from typing import Any

import httpx
import pytest
from samples import STEP, STEP_UUID, SUMMARY, TASK, TASK_UUID, Played

from tasker_core.client import AsyncTaskerClient, CreateTask, TaskerClient, TaskStatus
from tasker_core.client.operations import TaskFilters, TaskOptions

DOCUMENT = json.loads(Path("docs/openapi.json").read_text())

ACT = {"reason": "r", "by": "b"}
FILTERS = {
    "namespace": "n",
    "name": "n",
    "status": TaskStatus.ERROR,
    "tag": "t",
    "initiator": "i",
    "created_after": "x",
    "created_before": "x",
}
TEMPLATE: dict[str, Any] = {
    "namespace": "n",
    "name": "n",
    "version": "1.0.0",
    "description": None,
    "tags": [],
    "document_hash": "",
    "template_hash": "",
    "on_failure": "block",
    "max_duration_ms": None,
    "steps": [],
}
# An operation, a method, its arguments, and what the engine answers.
Case = tuple[str, str, tuple[Any, ...], dict[str, Any], Any]
CALLS: list[Case] = [
    ("create_task", "create_task", ("n", "n", 1), {"wait": 1.0}, TASK),
    (
        "create_tasks",
        "create_tasks",
        ([CreateTask(namespace="n", name="n", context=1)],),
        {},
        {"results": []},
    ),
    ("get_task", "get_task", (TASK_UUID, 1.0), {}, TASK),
    ("get_task", "wait", (TASK_UUID,), {}, TASK),
    (
        "list_tasks",
        "list_tasks_page",
        (),
        {"cursor": "c", "limit": 5, **FILTERS},
        {"tasks": [SUMMARY], "next_cursor": None},
    ),
    ("cancel_task", "cancel_task", (TASK_UUID,), {}, TASK),
    ("get_task_step", "get_step", (TASK_UUID, STEP_UUID), {"logs": True}, STEP),
    ("act_on_step", "retry_step", (TASK_UUID, STEP_UUID), ACT, STEP),
    ("act_on_step", "resolve_step", (TASK_UUID, STEP_UUID), ACT, STEP),
    ("act_on_step", "complete_step", (TASK_UUID, STEP_UUID), ACT, STEP),
    ("list_templates", "templates", (), {}, {"templates": [TEMPLATE]}),
    ("get_template", "template", ("n", "n"), {}, TEMPLATE),
    ("get_template_version", "template", ("n", "n", "1.0.0"), {}, TEMPLATE),
    ("act_on_template", "retire_template", ("n", "n", "1.0.0"), ACT, TEMPLATE),
    ("act_on_template", "restore_template", ("n", "n", "1.0.0"), ACT, TEMPLATE),
    ("act_on_template", "set_default_template", ("n", "n", "1.0.0"), ACT, TEMPLATE),
    ("act_on_template", "clear_default_template", ("n", "n", "1.0.0"), ACT, TEMPLATE),
    ("list_workers", "workers", (), {}, {"workers": []}),
    ("health", "health", (), {}, {"status": "ready", "reasons": []}),
    ("health_live", "is_live", (), {}, {}),
    ("health_ready", "is_ready", (), {}, {}),
    ("openapi", "openapi", (), {}, {}),
]
# `limit` and `cursor` of it are the client's own business.
STEPS: Case = (
    "list_task_steps",
    "list_steps",
    (TASK_UUID,),
    {},
    {"steps": [STEP], "next_cursor": None},
)
FOLLOW: Case = ("follow_task", "follow", (TASK_UUID,), {"last_event_id": "1-0"}, None)
# A worker's session: a WebSocket.
NO_CALL = {"connect_worker"}


def operations() -> dict[str, tuple[str, str, set[str]]]:
    """Method, path and query parameters of each operation."""
    return {
        operation["operationId"]: (
            method.upper(),
            path.format(task_uuid=TASK_UUID, step_uuid=STEP_UUID, namespace="n", name="n")
            if "version" not in path
            else path.format(namespace="n", name="n", version="1.0.0"),
            {field["name"] for field in operation.get("parameters", ()) if field["in"] == "query"},
        )
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }


@pytest.mark.parametrize(
    ("operation", "method", "args", "options", "answer"),
    CALLS,
    ids=[method + "-" + operation for operation, method, *_ in CALLS],
)
def test_a_method_is_an_operation(
    operation: str, method: str, args: tuple[Any, ...], options: dict[str, Any], answer: Any
) -> None:
    engine = Played(httpx.Response(200, json=answer))
    engine.call(method, *args, **options)
    (request,) = engine.requests
    asked = (request.method, request.url.path, set(request.url.params))
    assert asked == operations()[operation]


@pytest.mark.parametrize("action", ["retire", "restore", "set_default", "clear_default"])
def test_what_is_done_to_a_version_is_sent_and_its_standing_read(action: str) -> None:
    note = {"at": "2026-01-05T09:30:00.123456Z", "by": "anna", "reason": "it loses orders"}
    told = {**TEMPLATE, "default": True, "named_default": note}
    engine = Played(httpx.ConnectError("lost"), httpx.Response(200, json=told))
    by = {"reason": "it loses orders", "by": "anna"}
    shown = engine.call(f"{action}_template", "n", "n", "1.0.0", **by)
    assert engine.body(1) == {"action": action, **by}
    assert (shown.default, shown.named_default.by, shown.retired) == (True, "anna", None)


def test_steps_and_events_are_operations() -> None:
    _, method, args, options, answer = STEPS
    engine = Played(httpx.Response(200, json=answer))
    engine.call(method, *args, **options)
    assert engine.requests[0].url.path == operations()["list_task_steps"][1]
    done = {"kind": "task", "at": TASK["created_at"], "status": "error", "execution_status": "x"}
    engine = Played(httpx.Response(200, content=f"data: {json.dumps(done)}\n\n"))
    engine.call("follow", TASK_UUID, last_event_id="1-0")
    (request,) = engine.requests
    assert (request.method, request.url.path) == operations()["follow_task"][:2]
    assert request.headers["Last-Event-ID"] == "1-0"


def test_the_headers_are_those_that_the_client_knows() -> None:
    headers = {
        field["name"]
        for methods in DOCUMENT["paths"].values()
        for operation in methods.values()
        for field in operation.get("parameters", ())
        if field["in"] == "header"
    }
    # The first is sent in the body.
    assert headers == {"Idempotency-Key", "Last-Event-ID", "traceparent"}


def test_every_operation_has_a_method() -> None:
    called = {operation for operation, *_ in [*CALLS, STEPS, FOLLOW]}
    assert called | NO_CALL == set(operations())


def test_every_method_is_an_operation() -> None:
    methods = {method for _, method, *_ in [*CALLS, STEPS, FOLLOW]}
    assert methods | {"list_tasks", "close"} == public(TaskerClient)


def test_both_clients_have_the_same_methods() -> None:
    assert public(TaskerClient) == public(AsyncTaskerClient)
    for name in public(TaskerClient):
        one, other = (getattr(client, name) for client in (TaskerClient, AsyncTaskerClient))
        assert inspect.getdoc(one) == inspect.getdoc(other)
        assert inspect.signature(one).parameters == inspect.signature(other).parameters


def public(client: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(client, callable) if not name.startswith("_")}


def test_options_and_filters_are_those_of_the_document() -> None:
    options = typing.get_type_hints(TaskOptions)
    given = {"namespace", "name", "context"}
    assert set(options) | given == set(
        DOCUMENT["components"]["schemas"]["CreateTask"]["properties"]
    )
    filters = typing.get_type_hints(TaskFilters)
    assert set(filters) | {"cursor", "limit"} == operations()["list_tasks"][2]
