"""Records to events and back, and every way in which a record can be unreadable."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from pledge.events import (
    MAX_VALUE_BYTES,
    Actor,
    Decoded,
    Encoded,
    Malformed,
    MalformedReason,
    Noted,
    Unknown,
    decode,
    encode,
    originate,
    storable,
)

AT = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)


def a_note(text: str = "ok") -> Noted:
    return Noted(
        desk="vircom",
        occurred_at=AT,
        recorded_at=AT,
        ticket_id=UUID("0190e0b7-6a3e-7c41-9f10-3f1c1e8a2b01"),
        ticket_number="VIR-10042",
        by=Actor(kind="agent", id="sam"),
        text=text,
    )


def a_record(event: Noted | None = None) -> Encoded:
    note = event or a_note()
    return encode(note, originate(note, source="/intake", id="id-1", sequence=3))


def headers(**changes: bytes | None) -> list[tuple[str, bytes | None]]:
    """The headers of a good record; a change of None removes one."""
    kept = {name.replace("-", "_"): raw for name, raw in a_record().headers}
    return [(name, raw) for name, raw in {**kept, **changes}.items() if raw is not None]


def value(**changes: Any) -> bytes:
    return json.dumps({**json.loads(a_record().value), **changes}).encode()


def reason_of(given: list[tuple[str, bytes | None]], data: bytes | None) -> MalformedReason:
    with pytest.raises(Malformed) as caught:
        decode(given, data)
    assert caught.value.detail
    return caught.value.reason


def read(data: bytes) -> Noted:
    decoded = decode(headers(), data)
    assert isinstance(decoded, Decoded)
    assert isinstance(decoded.event, Noted)
    return decoded.event


def test_what_was_encoded_is_decoded() -> None:
    envelope = originate(a_note(), source="/intake", id="id-1", sequence=3)

    record = encode(a_note(), envelope)

    assert decode(record.headers, record.value) == Decoded(envelope, a_note())


def test_an_unknown_type_is_ignored_whatever_else_is_wrong() -> None:
    given: list[tuple[str, bytes | None]] = [("ce_type", b"pledge.ticket.danced.v7")]

    assert decode(given, None) == Unknown("pledge.ticket.danced.v7")


def test_unknown_fields_and_headers_are_ignored() -> None:
    more: list[tuple[str, bytes | None]] = [*headers(), ("x-new", b"\xff"), ("x-none", None)]

    decoded = decode(more, value(mood="good", by={"kind": "agent", "id": "sam", "age": 3}))

    assert isinstance(decoded, Decoded)
    assert decoded.event == a_note()


def test_an_absent_optional_field_has_its_default() -> None:
    content = json.loads(a_record().value)
    del content["by"]["name"]

    assert read(json.dumps(content).encode()).by.name is None


@pytest.mark.parametrize(
    "name", ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "ce_subject", "ce_desk"]
)
def test_a_required_header_is_missed(name: str) -> None:
    assert reason_of(headers(**{name: None}), value()) is MalformedReason.MISSING_HEADER
    assert reason_of(headers(**{name: b""}), value()) is MalformedReason.MISSING_HEADER


def test_a_header_without_value_counts_as_missing() -> None:
    given: list[tuple[str, bytes | None]] = [*headers(ce_id=None), ("ce_id", None)]

    assert reason_of(given, value()) is MalformedReason.MISSING_HEADER


def test_a_correlation_that_is_not_given_is_the_event_itself() -> None:
    decoded = decode(headers(ce_correlationid=None), value())

    assert isinstance(decoded, Decoded)
    assert decoded.envelope.correlation_id == "id-1"


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "traceparent"])
def test_a_header_that_is_not_utf_8(name: str) -> None:
    assert reason_of(headers(**{name: b"\xff\xfe"}), value()) is MalformedReason.HEADER_NOT_UTF8


def test_a_header_with_a_nul_would_not_be_storable() -> None:
    assert reason_of(headers(ce_id=b"a\0b"), value()) is MalformedReason.NUL_IN_TEXT


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("ce_specversion", b"0.3"),
        ("ce_time", b"yesterday"),
        ("ce_time", b"2026-03-02T17:00:00"),
        ("ce_time", b"2026-W10-1T17:00:00Z"),
        ("ce_time", b"2026-03-02T17:00:00+23:59:59"),
        ("ce_time", b"1772470800"),
        ("ce_sequence", b"0"),
        ("ce_sequence", b"-1"),
        ("ce_sequence", b"1_000"),
        ("ce_sequence", b" 7"),
        ("ce_sequence", "७".encode()),
        ("ce_sequence", b"9" * 19),
    ],
)
def test_a_header_that_makes_no_sense(name: str, raw: bytes) -> None:
    assert reason_of(headers(**{name: raw}), value()) is MalformedReason.INVALID_HEADER


def test_a_tombstone_is_no_event() -> None:
    assert reason_of(headers(), None) is MalformedReason.NULL_VALUE


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"\xff", b"\xef\xbb\xbf{}", b"[" * 100_000, b'{"text":"a\0b"}', b'"\xed\xa0\x80"'],
)
def test_what_is_no_json(data: bytes) -> None:
    assert reason_of(headers(), data) is MalformedReason.NOT_JSON


@pytest.mark.parametrize("data", [b"null", b"[]", b"3", b"{}", b'"text"'])
def test_json_that_is_no_event(data: bytes) -> None:
    assert reason_of(headers(), data) is MalformedReason.INVALID_DATA


@pytest.mark.parametrize(
    "change",
    [
        {"ticket_id": "VIR-1"},
        {"ticket_id": 7},
        {"occurred_at": "2026-03-02T17:00:00"},
        {"occurred_at": 1_772_470_800},
        {"occurred_at": "1772470800"},
        {"occurred_at": "0"},
        {"occurred_at": "2026-W10-1T17:00:00Z"},
        {"desk": "Not A Slug"},
        {"text": None},
        {"text": 7},
        {"by": "sam"},
    ],
)
def test_data_that_its_schema_refuses(change: dict[str, Any]) -> None:
    assert reason_of(headers(), value(**change)) is MalformedReason.INVALID_DATA


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "1989-12-31T23:59:59Z",
        "2200-01-01T00:00:00Z",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_time_that_nobody_set_has_a_reason_of_its_own(text: str) -> None:
    reason = MalformedReason.INSTANT_OUT_OF_BOUNDS
    assert reason_of(headers(), value(occurred_at=text)) is reason
    assert reason_of(headers(), value(recorded_at=text)) is reason
    assert reason_of(headers(ce_time=text.encode()), value()) is reason


@pytest.mark.parametrize(
    "text",
    ["2026-03-02t17:00:00.1234567z", "2016-12-31T23:59:60Z", "2026-03-02T17:00:00-01:00"],
)
def test_header_and_data_read_the_same_times(text: str) -> None:
    found = decode(headers(ce_time=text.encode()), value(occurred_at=text))
    assert isinstance(found, Decoded)
    assert found.envelope.time == found.event.occurred_at


def test_the_type_in_the_data_must_be_that_of_the_header() -> None:
    changed = value(type="pledge.ticket.closed.v1")

    assert reason_of(headers(), changed) is MalformedReason.TYPE_MISMATCH


@pytest.mark.parametrize("name", ["ce_subject", "ce_desk"])
def test_headers_must_speak_about_the_data(name: str) -> None:
    assert reason_of(headers(**{name: b"other"}), value()) is MalformedReason.SUBJECT_MISMATCH


@pytest.mark.parametrize(
    "text", [r"\u0000", r"a\u0000b", r"\\\u0000", r"\n\u0000", r"\\\\\u0000", r"\u0041\u0000"]
)
def test_a_nul_anywhere_in_the_text_is_refused(text: str) -> None:
    known = value(text="@").replace(b"@", text.encode())
    ignored = value(mood=["@"]).replace(b"@", text.encode())
    key = value(**{"@": 1}).replace(b"@", text.encode())

    assert reason_of(headers(), known) is MalformedReason.NUL_IN_TEXT
    assert reason_of(headers(), ignored) is MalformedReason.NUL_IN_TEXT
    assert reason_of(headers(), key) is MalformedReason.NUL_IN_TEXT


@pytest.mark.parametrize(
    ("escaped", "text"),
    [
        (r"\\u0000", r"\u0000"),
        (r"\\\\u0000", r"\\u0000"),
        (r"\n\\u0000", "\n\\u0000"),
        (r"\\ud800", r"\ud800"),
        (r"\ud83d\udcee", "📮"),
    ],
)
def test_what_only_looks_like_a_nul_or_half_a_pair_is_text(escaped: str, text: str) -> None:
    assert read(value(text="@").replace(b"@", escaped.encode())).text == text


@pytest.mark.parametrize(
    "text", [r"\ud800", r"\uD83D", r"\udc00", r"\ud83dx", r"\ud83d\u0041", r"\udcee\ud83d"]
)
def test_half_a_surrogate_pair_is_refused_by_its_name(text: str) -> None:
    known = value(text="@").replace(b"@", text.encode())
    ignored = value(mood={"@": 1}).replace(b"@", text.encode())

    assert reason_of(headers(), known) is MalformedReason.LONE_SURROGATE
    assert reason_of(headers(), ignored) is MalformedReason.LONE_SURROGATE


def test_a_value_of_the_greatest_size_is_read_and_one_byte_more_is_not() -> None:
    room = MAX_VALUE_BYTES - len(value(mood=""))

    assert read(value(mood="x" * room)) == a_note()
    assert reason_of(headers(), value(mood="x" * (room + 1))) is MalformedReason.TOO_LARGE


@pytest.mark.parametrize(
    ("text", "reason"),
    [("a\0b", MalformedReason.NUL_IN_TEXT), ("a\ud800b", MalformedReason.LONE_SURROGATE)],
)
def test_nothing_is_published_that_nobody_could_read(text: str, reason: MalformedReason) -> None:
    with pytest.raises(Malformed) as caught:
        a_record(a_note(text))

    assert caught.value.reason is reason
    assert read(value(text=storable(text))).text == "a\ufffdb"


def test_text_that_looks_like_an_escape_is_published_as_it_is() -> None:
    text = "C:\\u0000 \\ud800 \\\\u0000"

    assert read(a_record(a_note(text)).value).text == text


@pytest.mark.parametrize("text", ["", "plain", "é 📮", "\ufffd", "\ufeffx"])
def test_storable_text_stays_as_it_is(text: str) -> None:
    assert storable(text) == text


def test_of_a_header_given_twice_the_last_counts() -> None:
    decoded = decode([("ce_id", b"first"), *headers()], value())

    assert isinstance(decoded, Decoded)
    assert decoded.envelope.id == "id-1"


def test_the_detail_is_short_and_names_the_place() -> None:
    with pytest.raises(Malformed) as caught:
        decode(headers(), value(by={"kind": "x" * 100_000}))

    assert caught.value.detail.startswith("by.id: ")
    assert len(caught.value.detail) <= 500
