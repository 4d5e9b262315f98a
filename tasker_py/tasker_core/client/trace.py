"""Who asks, for tracing: the current span of a program that uses OpenTelemetry."""

import sys


def trace_headers() -> dict[str, str]:
    """The header `traceparent` (W3C Trace Context); none where there is no span."""
    if "opentelemetry.trace" not in sys.modules:
        # Without it there is no span; importing it takes longer than a call.
        return {}
    from opentelemetry import trace

    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return {}
    return {"traceparent": f"00-{span.trace_id:032x}-{span.span_id:016x}-{span.trace_flags:02x}"}
