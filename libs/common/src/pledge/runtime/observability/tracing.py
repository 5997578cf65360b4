"""W3C Trace Context (traceparent) through every hop, on OpenTelemetry's propagation API.

With the API alone nothing is exported: ids are carried and shown in logs. When an operator installs
and configures an OpenTelemetry SDK, its spans have the same ids, because both read and write the
same context.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry import context as otel_context
from opentelemetry import trace as otel
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pledge.runtime.ids import Ids

_PROPAGATOR = TraceContextTextMapPropagator()
_TRACER = otel.get_tracer("pledge")


@dataclass(frozen=True, slots=True)
class TraceContext:
    """One span of a trace: 16 bytes of trace id, 8 of span id, as integers, and the flag."""

    trace_id: int
    span_id: int
    is_sampled: bool = True

    def traceparent(self) -> str:
        """The header's text (W3C Trace Context §3.2)."""
        return f"00-{self.trace_id:032x}-{self.span_id:016x}-{int(self.is_sampled):02x}"


def parse(traceparent: str | None) -> TraceContext | None:
    """Read a header's text; None for none, and for anything the standard says to ignore (§3.2)."""
    if not traceparent:
        return None
    found = _PROPAGATOR.extract({"traceparent": traceparent})
    return _trace_context(otel.get_current_span(found).get_span_context())


def begin(ids: Ids) -> TraceContext:
    """The first span of a new trace."""
    high, low, span = (_bits(ids) for _ in range(3))
    return TraceContext(high << 64 | low, span)


def current() -> TraceContext | None:
    """The current span of this task; None outside any."""
    return _trace_context(otel.get_current_span().get_span_context())


@contextmanager
def within(parent: TraceContext | None, name: str, ids: Ids) -> Iterator[TraceContext]:
    """Enter a child span of `parent` (of a new trace without one) and yield its context.

    With an SDK installed the child is the SDK's span, exported under `name`.
    """
    start = parent or begin(ids)
    remote = otel.NonRecordingSpan(_span_context(start, is_remote=parent is not None))
    with _TRACER.start_as_current_span(name, context=otel.set_span_in_context(remote)) as span:
        made = _trace_context(span.get_span_context())
        if made is not None and made.span_id != start.span_id:
            yield made
            return
        # Without an SDK the API passes the parent on: the child's id is ours to make.
        child = TraceContext(start.trace_id, _bits(ids), start.is_sampled)
        own = otel.NonRecordingSpan(_span_context(child, is_remote=False))
        token = otel_context.attach(otel.set_span_in_context(own))
        try:
            yield child
        finally:
            otel_context.detach(token)


def _bits(ids: Ids) -> int:
    # The last 62 random bits of a UUIDv7, never 0 as that is no valid id.
    return (ids.new().int & 0x3FFF_FFFF_FFFF_FFFF) or 1


def _trace_context(span: otel.SpanContext) -> TraceContext | None:
    if not span.is_valid:
        return None
    return TraceContext(span.trace_id, span.span_id, is_sampled=span.trace_flags.sampled)


def _span_context(trace: TraceContext, *, is_remote: bool) -> otel.SpanContext:
    flags = otel.TraceFlags(int(trace.is_sampled))
    return otel.SpanContext(trace.trace_id, trace.span_id, is_remote, flags)
