"""Spans of attempts and handlers: what they continue, what is within them, and where they go."""

import asyncio
import gzip
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tasker_core import shared_settings, tracing
from tasker_core.attempt import Attempt, invoke, invoke_async, prepare
from tasker_core.registry import HandlerRegistry
from tasker_core.shared_settings import SharedSettings
from tasker_core.step_handler import StepHandlerBase
from tasker_core.types import Sequence, Step, StepHandlerCallResult, Task

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
PATIENCE = 20.0


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "active", tracing.Tracing(provider))
    yield exporter
    provider.shutdown()


def run(handler: type[StepHandlerBase], traceparent: str | None) -> dict[str, Any]:
    registry = HandlerRegistry()
    registry.register("shop.Charge", handler)
    dispatch = {
        "task_uuid": "t",
        "step_uuid": "s",
        "attempt": 2,
        "max_attempts": 3,
        "namespace": "shop",
        "name": "orders",
        "version": "1.0.0",
        "step_name": "charge",
        "callable": "shop.Charge",
        "method": "call",
        "idempotency_key": "key",
        "context": {},
        "correlation_id": "c",
        "traceparent": traceparent,
    }
    attempt = prepare(registry, dispatch)
    assert isinstance(attempt, Attempt)
    ended = asyncio.run(invoke_async(attempt)) if attempt.is_async else invoke(attempt)
    outcome: dict[str, Any] = json.loads(ended)
    return outcome


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def parent_of(span: ReadableSpan) -> int:
    assert span.parent is not None
    return span.parent.span_id


def id_of(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


def make_span(name: str) -> None:
    active = tracing.active
    assert active is not None
    with active._tracer.start_as_current_span(name):
        pass


class Charge(StepHandlerBase):
    def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        make_span("the user's")
        return {}


class AsyncCharge(StepHandlerBase):
    async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        async def inner() -> None:
            make_span("the user's")

        await asyncio.create_task(inner())
        return {}


@pytest.mark.parametrize("handler", [Charge, AsyncCharge])
def test_the_spans_continue_the_engines_trace_and_hold_the_users(
    exporter: InMemorySpanExporter, handler: type[StepHandlerBase]
) -> None:
    assert run(handler, f"00-{TRACE}-{PARENT}-01")["success"]
    spans = by_name(exporter)
    assert set(spans) == {"attempt", "shop.Charge", "the user's"}
    attempt, inner, users = spans["attempt"], spans["shop.Charge"], spans["the user's"]
    for span in spans.values():
        assert span.context is not None
        assert f"{span.context.trace_id:032x}" == TRACE
    assert f"{parent_of(attempt):016x}" == PARENT
    assert parent_of(inner) == id_of(attempt)
    assert parent_of(users) == id_of(inner)
    assert attempt.attributes == {
        "tasker.namespace": "shop",
        "tasker.name": "orders",
        "tasker.version": "1.0.0",
        "tasker.task_uuid": "t",
        "tasker.step_uuid": "s",
        "tasker.step_name": "charge",
        "tasker.attempt": 2,
        "tasker.callable": "shop.Charge",
        "tasker.correlation_id": "c",
    }
    assert attempt.start_time is not None
    assert inner.start_time is not None
    assert attempt.start_time <= inner.start_time


def test_without_a_trace_of_the_engine_an_attempt_begins_its_own(
    exporter: InMemorySpanExporter,
) -> None:
    run(Charge, None)
    assert by_name(exporter)["attempt"].parent is None
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_a_failure_is_the_status_of_both_spans(exporter: InMemorySpanExporter) -> None:
    class Raising(StepHandlerBase):
        def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
            raise ValueError("no card")

    class Failing(StepHandlerBase):
        async def call(self, task: Task, sequence: Sequence, step: Step) -> StepHandlerCallResult:
            return StepHandlerCallResult.failure("no card")

    for handler, events in ((Raising, ["exception"]), (Failing, [])):
        exporter.clear()
        assert not run(handler, None)["success"]
        spans = by_name(exporter)
        for span in spans.values():
            assert span.status.status_code is trace.StatusCode.ERROR
            assert span.status.description == "no card"
        assert [event.name for event in spans["shop.Charge"].events] == events


class Declined(StepHandlerBase):
    def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        return {"success": False}


class AsyncDeclined(StepHandlerBase):
    async def call(self, task: Task, sequence: Sequence, step: Step) -> dict[str, Any]:
        return {"success": False}


@pytest.mark.parametrize("handler", [Declined, AsyncDeclined])
def test_results_that_speak_of_failure_are_no_failed_spans(
    exporter: InMemorySpanExporter, handler: type[StepHandlerBase]
) -> None:
    assert run(handler, None)["results"] == {"success": False}
    statuses = [span.status.status_code for span in by_name(exporter).values()]
    assert statuses == [trace.StatusCode.UNSET] * 2


class Broken(SpanProcessor):
    """Raises where a span begins, or where it ends."""

    def __init__(self, at: str) -> None:
        self._at = at

    def on_start(self, span: object, parent_context: object = None) -> None:
        if self._at == "start":
            raise ConnectionError("no collector")

    def on_end(self, span: object) -> None:
        if self._at == "end":
            raise ConnectionError("no collector")


@pytest.mark.parametrize("handler", [Declined, AsyncDeclined])
@pytest.mark.parametrize(("at", "success"), [("start", False), ("end", True)])
def test_a_span_processor_that_raises_leaves_the_attempt_its_outcome(
    monkeypatch: pytest.MonkeyPatch, handler: type[StepHandlerBase], at: str, success: bool
) -> None:
    provider = TracerProvider()
    settings = SharedSettings()
    monkeypatch.setattr(tracing, "active", tracing.Tracing(provider))
    monkeypatch.setattr(shared_settings, "active", settings)
    provider.add_span_processor(Broken(at))
    outcome = run(handler, None)
    assert outcome["success"] is success
    if not success:
        error = outcome["error"]
        assert (error["error_type"], error["retryable"]) == ("ConnectionError", True)
    assert settings._running == set()


def test_without_an_endpoint_nothing_is_imported() -> None:
    program = (
        "import os, sys\n"
        "import tasker_core.worker\n"
        "tasker_core.worker.tracing.configure({})\n"
        "print([name for name in sys.modules if name.startswith('opentelemetry')])\n"
        "print(tasker_core.worker.tracing.active)\n"
    )
    said = subprocess.check_output(
        [sys.executable, "-c", program], env={"PYTHONPATH": ":".join(sys.path)}, text=True
    )
    assert said == "[]\nNone\n"


def test_missing_packages_are_told_with_the_extra_that_brings_them(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)
    monkeypatch.delitem(
        sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", raising=False
    )
    with caplog.at_level(logging.WARNING):
        tracing.configure({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
    assert tracing.active is None
    (record,) = caplog.records
    assert "OTEL_EXPORTER_OTLP_ENDPOINT is set, but no traces are sent" in record.getMessage()
    assert "tasker_core[otel]" in record.getMessage()


def test_spans_reach_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    received: list[tuple[str, bytes]] = []
    arrived = threading.Event()

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers["Content-Encoding"] == "gzip":
                body = gzip.decompress(body)
            received.append((self.path, body))
            self.send_response(200)
            self.end_headers()
            arrived.set()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv(
            "OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}"
        )
        monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test")
        tracing.configure({"OTEL_EXPORTER_OTLP_ENDPOINT": "as in the environment"})
        assert tracing.active is not None
        run(Charge, f"00-{TRACE}-{PARENT}-01")
        tracing.shut_down()
        assert arrived.wait(PATIENCE)
        server.shutdown()
        thread.join()
    ((path, body),) = received
    assert path == "/v1/traces"
    (sent,) = ExportTraceServiceRequest.FromString(body).resource_spans
    resource = {each.key: each.value.string_value for each in sent.resource.attributes}
    assert resource["service.name"] == "tasker-worker"
    assert resource["deployment.environment"] == "test"
    names = [span.name for scope in sent.scope_spans for span in scope.spans]
    assert sorted(names) == ["attempt", "shop.Charge", "the user's"]
