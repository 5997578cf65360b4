"""Envelopes: who says so, caused by what, and ids that a replay gives again."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from pledge.events import Envelope, Noted, caused_by, derived_id, encode, originate
from pledge.events.values import Actor

TICKET = UUID("0190e0b7-6a3e-7c41-9f10-3f1c1e8a2b01")
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
NOON_IN_MONTREAL = datetime(2026, 3, 2, 12, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=-5)))


def a_note() -> Noted:
    return Noted(
        desk="vircom",
        occurred_at=NOON_IN_MONTREAL,
        recorded_at=NOON_IN_MONTREAL + timedelta(seconds=1),
        ticket_id=TICKET,
        ticket_number="VIR-10042",
        by=Actor(kind="agent", id="sam"),
        text="ok",
    )


def a_cause(traceparent: str | None = TRACE) -> Envelope:
    return originate(a_note(), source="/gateways/smtp", id="cause-1", traceparent=traceparent)


def test_an_originated_event_begins_its_own_story() -> None:
    envelope = originate(a_note(), source="/intake", id="id-1", sequence=1)

    assert envelope == Envelope(
        id="id-1",
        source="/intake",
        type="pledge.ticket.noted.v1",
        time=datetime(2026, 3, 2, 17, 0, 0, 250_000, tzinfo=UTC),
        subject=str(TICKET),
        desk="vircom",
        sequence=1,
        correlation_id="id-1",
        causation_id=None,
        traceparent=None,
    )


def test_a_caused_event_continues_the_story_and_the_trace() -> None:
    answer = caused_by(a_note(), a_cause(), 0, source="/intake", sequence=4)

    assert answer.causation_id == "cause-1"
    assert answer.correlation_id == "cause-1"
    assert answer.sequence == 4
    assert answer.traceparent is not None
    version, trace, span, flags = answer.traceparent.split("-")
    assert (version, trace, flags) == ("00", "4bf92f3577b34da6a3ce929d0e0e4736", "01")
    assert span == UUID(answer.id).hex[16:]


def test_a_story_keeps_its_first_event_over_several_steps() -> None:
    second = caused_by(a_note(), a_cause(), 0, source="/intake", sequence=1)
    third = caused_by(a_note(), second, 0, source="/sla", sequence=1)

    assert third.correlation_id == "cause-1"
    assert third.causation_id == second.id


@pytest.mark.parametrize(
    "broken",
    [
        None,
        "",
        "garbage",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        f"{TRACE}-more",
        f"{TRACE}\n",
    ],
)
def test_what_is_no_trace_context_is_not_passed_on(broken: str | None) -> None:
    assert caused_by(a_note(), a_cause(broken), 0, source="/sla", sequence=1).traceparent is None


def test_derived_ids_never_change_between_releases() -> None:
    assert derived_id("cause-1", 0) == "ee0d297a-fb79-5010-8605-c2b7a5d9f1a4"
    assert derived_id("cause-1", 0, source="/sla") == "267589c2-3c6c-5650-85ff-068907c8a16c"


def test_siblings_and_services_get_different_ids() -> None:
    ids = {
        derived_id("cause-1", 0),
        derived_id("cause-1", 1),
        derived_id("cause-11", 0),
        derived_id("cause-1", 0, source="/sla"),
        derived_id("cause-1", 0, source="/notify"),
    }

    assert len(ids) == 5
    assert {UUID(found).version for found in ids} == {5}


def test_headers_byte_for_byte() -> None:
    envelope = Envelope(
        id="3b0c…",
        source="/intake",
        type="pledge.ticket.noted.v1",
        time=NOON_IN_MONTREAL,
        subject=str(TICKET),
        desk="vircom",
        sequence=12,
        correlation_id="first",
        causation_id="cause-1",
        traceparent=TRACE,
    )

    record = encode(a_note(), envelope)

    assert record.topic == "ticket.events.v1"
    assert record.key == b"0190e0b7-6a3e-7c41-9f10-3f1c1e8a2b01"
    assert record.headers == (
        ("ce_specversion", b"1.0"),
        ("ce_id", b"3b0c\xe2\x80\xa6"),
        ("ce_source", b"/intake"),
        ("ce_type", b"pledge.ticket.noted.v1"),
        ("ce_time", b"2026-03-02T17:00:00.250000Z"),
        ("ce_subject", b"0190e0b7-6a3e-7c41-9f10-3f1c1e8a2b01"),
        ("ce_desk", b"vircom"),
        ("ce_sequence", b"12"),
        ("ce_correlationid", b"first"),
        ("ce_causationid", b"cause-1"),
        ("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        ("content-type", b"application/json"),
    )
    assert record.value == (
        b'{"type":"pledge.ticket.noted.v1","desk":"vircom",'
        b'"occurred_at":"2026-03-02T17:00:00.250000Z","recorded_at":"2026-03-02T17:00:01.250000Z",'
        b'"ticket_id":"0190e0b7-6a3e-7c41-9f10-3f1c1e8a2b01","ticket_number":"VIR-10042",'
        b'"by":{"kind":"agent","id":"sam","name":null},"text":"ok",'
        b'"attachments":[],"delivery":null,"number":"VIR-10042"}'
    )


def test_headers_that_have_nothing_to_say_are_left_out() -> None:
    record = encode(a_note(), originate(a_note(), source="/intake", id="id-1"))

    names = [name for name, _ in record.headers]
    assert {"ce_sequence", "ce_causationid", "traceparent"}.isdisjoint(names)


def test_an_envelope_of_another_event_is_a_mistake_of_the_caller() -> None:
    envelope = originate(a_note(), source="/intake", id="id-1")

    with pytest.raises(ValueError, match="belongs to another event"):
        encode(a_note(), envelope._replace(desk="demo"))
