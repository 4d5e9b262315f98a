"""OpenTelemetry: a span for each attempt and one for its handler, when a collector is configured.

Nothing of OpenTelemetry is imported otherwise.
"""

import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tasker_core import outcome
from tasker_core.own_logger import own_logger

if TYPE_CHECKING:
    from opentelemetry.trace import Span, TracerProvider

    from tasker_core.attempt import Attempt

logger = own_logger(__name__)

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
# How long the end of a worker waits for spans that a collector does not take.
SHUTDOWN_SECONDS = 2.0


class AttemptSpans:
    """The spans of an attempt that runs, bound to the current context."""

    def __init__(self, outer: "Span", handler: "Span") -> None:
        self._outer = outer
        self._handler = handler

    def end(self, ended: bytes, error: BaseException | None) -> None:
        """Ends them; as failed, with the exception if there was one, when the outcome says so."""
        from opentelemetry.trace import Status, StatusCode

        failure = outcome.failure_in(ended)
        if error is not None:
            self._handler.record_exception(error)
        for span in (self._handler, self._outer):
            if failure is not None:
                span.set_status(Status(StatusCode.ERROR, failure["message"]))
            span.end()


class Tracing:
    """Makes spans with a provider."""

    def __init__(self, provider: "TracerProvider", *, is_ours: bool = False) -> None:
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._provider = provider
        self._is_ours = is_ours
        self._tracer = provider.get_tracer("tasker_core")
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, attempt: "Attempt") -> AttemptSpans:
        """Starts the spans of an attempt, and makes the handler's the current one.

        The attempt's begins with its arrival and continues the engine's trace.
        """
        from opentelemetry import context, trace

        parent = None
        if attempt.traceparent is not None:
            parent = self._propagator.extract({"traceparent": attempt.traceparent})
        waited = time.monotonic() - attempt.arrived
        outer = self._tracer.start_span(
            "attempt",
            parent,
            trace.SpanKind.CONSUMER,
            _attributes(attempt),
            start_time=time.time_ns() - int(waited * 1e9),
        )
        inner = self._tracer.start_span(attempt.callable, trace.set_span_in_context(outer, parent))
        # Never detached: the context ends with the attempt.
        context.attach(trace.set_span_in_context(inner, parent))
        return AttemptSpans(outer, inner)

    def shut_down(self) -> None:
        """Sends what is still to be sent, for at most SHUTDOWN_SECONDS."""
        shutdown = getattr(self._provider, "shutdown", None)
        if self._is_ours and shutdown is not None:
            thread = threading.Thread(target=shutdown, name="tasker-tracing", daemon=True)
            thread.start()
            thread.join(SHUTDOWN_SECONDS)


active: Tracing | None = None
"""What makes spans in this process; None without a collector."""


def configure(environ: Mapping[str, str]) -> None:
    """Turns tracing on when OTEL_EXPORTER_OTLP_ENDPOINT is set.

    A provider that the program has set is used as it is; otherwise spans go to that endpoint, over
    HTTP, by the settings that OpenTelemetry reads from the environment.
    """
    global active
    named = next((name for name in ENDPOINTS if environ.get(name)), None)
    if named is None:
        return
    try:
        active = _tracing()
    except ImportError as error:
        logger.warning(
            "%s is set, but no traces are sent: %s; install the package with its extra, "
            "tasker_core[otel]",
            named,
            error,
        )


def shut_down() -> None:
    """Sends what is still to be sent, and turns tracing off."""
    global active
    if active is not None:
        active.shut_down()
        active = None


def _tracing() -> Tracing:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    current = trace.get_tracer_provider()
    if not isinstance(current, trace.ProxyTracerProvider):
        return Tracing(current)
    named = Resource({SERVICE_NAME: "tasker-worker"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=Resource.create().merge(named), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    return Tracing(provider, is_ours=True)


def _attributes(attempt: "Attempt") -> dict[str, Any]:
    task, step = attempt.task, attempt.step
    attributes: dict[str, Any] = {
        "tasker.namespace": task.namespace,
        "tasker.name": task.name,
        "tasker.version": task.version,
        "tasker.task_uuid": task.task_uuid,
        "tasker.step_uuid": step.step_uuid,
        "tasker.step_name": step.step_name,
        "tasker.attempt": step.attempt,
        "tasker.callable": attempt.callable,
    }
    if task.correlation_id is not None:
        attributes["tasker.correlation_id"] = task.correlation_id
    return attributes
