"""What creates tasks: sent by the rules of results, whole, and under the caller's trace."""

import json
import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from pydantic import BaseModel
from samples import TASK, TASK_UUID, Played

from tasker_core.client import CreateTask, ErrorCode, JsonText
from tasker_core.errors import SerializationError


class Order(BaseModel):
    number: int


def task() -> httpx.Response:
    return httpx.Response(200, json=TASK)


def test_a_creation_sends_what_it_is_given() -> None:
    engine = Played(task())
    engine.call(
        "create_task",
        "shop",
        "order",
        {"at": datetime(2026, 1, 5, tzinfo=UTC), "sum": Decimal("1.50"), "order": Order(number=7)},
        version="1.0.0",
        tags=["a", "b"],
        priority=-5,
        reason=None,
    )
    (request,) = engine.requests
    assert str(request.url) == "http://engine/v1/tasks"
    assert engine.body() == {
        "namespace": "shop",
        "name": "order",
        "context": {"at": "2026-01-05T00:00:00Z", "sum": "1.50", "order": {"number": 7}},
        "version": "1.0.0",
        "tags": ["a", "b"],
        "priority": -5,
    }


@pytest.mark.parametrize("text", ['{"a":  1.50}', "null", "[1e400, -0.0]", '"\\ud83d"'])
def test_a_json_text_is_sent_as_it_is_written(text: str) -> None:
    engine = Played(task())
    engine.call("create_task", "shop", "order", JsonText(text))
    assert engine.requests[0].content.decode() == (
        f'{{"namespace": "shop", "name": "order", "context": {text}}}'
    )


@pytest.mark.parametrize("context", [None, False, 0, "", [], {}])
def test_a_context_is_sent_even_if_it_is_nothing(context: Any) -> None:
    engine = Played(task())
    engine.call("create_task", "shop", "order", context)
    assert engine.body()["context"] == context


def test_what_json_cannot_hold_is_not_sent() -> None:
    engine = Played()
    with pytest.raises(SerializationError, match=r"context\.a\[1\] is nan, which JSON cannot hold"):
        engine.call("create_task", "shop", "order", {"a": [1, float("nan")]})


def test_integers_of_any_length_go_and_come_digit_for_digit() -> None:
    digits = "7" * 6000
    limit = sys.get_int_max_str_digits()
    answer = json.dumps({**TASK, "context": "CONTEXT"}).replace('"CONTEXT"', digits)
    engine = Played(httpx.Response(200, content=answer))
    given = engine.call("create_task", "shop", "order", 6**64)
    assert engine.requests[0].content.endswith(f'"context": {6**64}}}'.encode())
    assert given.context % 10**9 == 777777777
    assert given.context.bit_length() == 19932
    again = Played(task())
    again.call("create_task", "shop", "order", given.context)
    assert again.requests[0].content.endswith(f'"context": {digits}}}'.encode())
    assert sys.get_int_max_str_digits() == limit


def test_a_creation_names_the_span_of_who_asks() -> None:
    created = Played(task())
    created.call("create_task", "shop", "order", {})
    assert "traceparent" not in created.requests[0].headers
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED)
    span = trace.SpanContext(0xABC, 0x12, is_remote=False, trace_flags=flags)
    with trace.use_span(trace.NonRecordingSpan(span)):
        created.call("create_task", "shop", "order", {})
        read = Played(task())
        read.call("get_task", TASK_UUID)
    traceparent = "00-00000000000000000000000000000abc-0000000000000012-01"
    assert created.requests[0].headers["traceparent"] == traceparent
    assert "traceparent" not in read.requests[0].headers


def test_a_batch_gives_what_became_of_each() -> None:
    refused = {"code": "TEMPLATE_NOT_FOUND", "message": "none", "details": None}
    results = [{"status": 201, "task": TASK}, {"status": 404, "error": refused}]
    engine = Played(httpx.Response(200, json={"results": results}))
    tasks = [CreateTask(namespace="shop", name=name, context=1) for name in ("order", "x")]
    created, missing = engine.call("create_tasks", tasks)
    assert (created.status, str(created.task.task_uuid), created.error) == (201, TASK_UUID, None)
    assert (missing.task, missing.error.code) == (None, ErrorCode.TEMPLATE_NOT_FOUND)
    assert engine.body()["tasks"][1] == {"namespace": "shop", "name": "x", "context": 1}
