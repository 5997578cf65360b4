from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace as otel
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from pledge.runtime.observability import tracing
from pledge.runtime.observability.tracing import TraceContext
from pledge.runtime.testing import SeededIds, VirtualClock
from support.tokens import START

HEADER = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def ids() -> SeededIds:
    return SeededIds(VirtualClock(START), 1)


def test_header_is_read_and_written_as_it_was() -> None:
    context = tracing.parse(HEADER)
    assert context == TraceContext(0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7)
    assert context.traceparent() == HEADER


def test_flag_that_nothing_is_sampled_is_kept() -> None:
    context = tracing.parse(HEADER[:-2] + "00")
    assert context is not None
    assert not context.is_sampled
    assert context.traceparent().endswith("-00")


def test_later_versions_may_carry_more() -> None:
    assert tracing.parse("cc" + HEADER[2:] + "-what-comes") == tracing.parse(HEADER)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "00",
        "ff" + HEADER[2:],
        HEADER + "-more",
        HEADER.upper(),
        HEADER.replace("4bf92f3577b34da6a3ce929d0e0e4736", "0" * 32),
        HEADER.replace("00f067aa0ba902b7", "0" * 16),
        HEADER[:-1],
        HEADER + "\n" + HEADER,
    ],
)
def test_what_is_no_header_is_ignored(header: str | None) -> None:
    assert tracing.parse(header) is None


@given(st.text())
def test_no_text_breaks_the_reader(header: str) -> None:
    context = tracing.parse(header)
    assert context is None or tracing.parse(context.traceparent()) == context


def test_work_is_a_child_of_who_asked_for_it(ids: SeededIds) -> None:
    parent = tracing.parse(HEADER)
    assert parent is not None
    with tracing.within(parent, "work", ids) as outer:
        assert outer.trace_id == parent.trace_id
        assert outer.span_id != parent.span_id
        assert tracing.current() == outer
        with tracing.within(outer, "more", ids) as inner:
            assert inner.trace_id == parent.trace_id
            assert inner.span_id != outer.span_id
            assert tracing.current() == inner
        assert tracing.current() == outer
    assert tracing.current() is None


def test_work_that_nobody_asked_for_begins_a_trace(ids: SeededIds) -> None:
    with tracing.within(None, "work", ids) as first:
        pass
    with tracing.within(None, "work", ids) as second:
        pass
    assert first.trace_id != second.trace_id
    assert tracing.parse(first.traceparent()) == first


def test_failure_inside_leaves_the_span(ids: SeededIds) -> None:
    with pytest.raises(RuntimeError), tracing.within(None, "work", ids):
        raise RuntimeError
    assert tracing.current() is None


def test_an_installed_sdk_exports_the_same_ids(
    ids: SeededIds, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    # What an operator's SDK does at start, without making it this process's for good.
    monkeypatch.setattr(tracing, "_TRACER", provider.get_tracer("pledge"))
    parent = tracing.parse(HEADER)
    assert parent is not None
    with tracing.within(parent, "handle batch", ids) as told:
        assert tracing.current() == told
    (span,) = exporter.get_finished_spans()
    assert span.name == "handle batch"
    assert span.context is not None
    assert (span.context.trace_id, span.context.span_id) == (told.trace_id, told.span_id)
    assert span.parent is not None
    assert span.parent.span_id == parent.span_id
    assert otel.get_current_span().get_span_context().is_valid is False
