"""W3C Trace Context (traceparent) through every hop, on OpenTelemetry's propagation API.

With the API alone nothing is exported: ids are carried and shown in logs. When an operator installs
and configures an OpenTelemetry SDK, its spans have the same ids, because both read and write the
same context.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry import context as otel_context
from opentelemetry import trace as otel

from pledge.runtime.ids import Ids

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
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
    """Read a header's text; None for none, and for anything the standard tells to ignore (§3.2)."""
    match = _TRACEPARENT.fullmatch(traceparent.strip()) if traceparent else None
    if match is None or match[1] == "ff" or (match[1] == "00" and match[5]):
        return None
    trace_id, span_id = int(match[2], 16), int(match[3], 16)
    if trace_id == 0 or span_id == 0:
        return None
    return TraceContext(trace_id, span_id, is_sampled=bool(int(match[4], 16) & 1))


def begin(ids: Ids) -> TraceContext:
    """The first span of a new trace."""
    high, low, span = (_bits(ids) for _ in range(3))
    return TraceContext(high << 64 | low, span)


def current() -> TraceContext | None:
    """The span this task works in; None outside any."""
    span = otel.get_current_span().get_span_context()
    if not span.is_valid:
        return None
    return TraceContext(span.trace_id, span.span_id, is_sampled=span.trace_flags.sampled)


@contextmanager
def within(parent: TraceContext | None, name: str, ids: Ids) -> Iterator[TraceContext]:
    """Work in a child span of `parent` (in a new trace without one), and tell its context.

    With an SDK installed the child is the SDK's span, exported under `name`.
    """
    start = parent or begin(ids)
    remote = otel.NonRecordingSpan(_span_context(start, is_remote=parent is not None))
    with _TRACER.start_as_current_span(name, context=otel.set_span_in_context(remote)) as span:
        told = span.get_span_context()
        if told.span_id != start.span_id:
            yield TraceContext(told.trace_id, told.span_id, is_sampled=told.trace_flags.sampled)
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


def _span_context(trace: TraceContext, *, is_remote: bool) -> otel.SpanContext:
    flags = otel.TraceFlags(int(trace.is_sampled))
    return otel.SpanContext(trace.trace_id, trace.span_id, is_remote, flags)
