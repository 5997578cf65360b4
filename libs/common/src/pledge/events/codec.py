"""Events to records and back: CloudEvents 1.0 over Kafka in binary mode, data as JSON.

`decode` is total: on any bytes it gives an event, `Unknown`, or raises `Malformed`, nothing else.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from pledge.events.envelope import Envelope
from pledge.events.event import Event
from pledge.events.instants import NotAnInstant, OutOfBounds, bounded_instant
from pledge.events.registry import EVENT_TYPES
from pledge.events.values import OUT_OF_BOUNDS

MAX_VALUE_BYTES = 900_000
"""Largest record value. Leaves room for key, headers and batch under the broker's 1 MiB."""

CONTENT_TYPE = "application/json"
SPEC_VERSION = "1.0"
_SPEC_VERSION_HEADER = ("ce_specversion", SPEC_VERSION.encode())
_CONTENT_TYPE_HEADER = ("content-type", CONTENT_TYPE.encode())

_NUL_ESCAPE = b"\\u0000"
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_LONE_SURROGATE = re.compile(
    rb"(?<!\\)(?:\\\\)*"  # an even number of backslashes before: the next one begins an escape
    rb"(?:\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F][0-9a-fA-F]{2})"  # high without low
    rb"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2})"  # low without high
)
_ATTRIBUTES = frozenset(
    (
        "ce_specversion",
        "ce_id",
        "ce_source",
        "ce_type",
        "ce_time",
        "ce_subject",
        "ce_desk",
        "ce_sequence",
        "ce_correlationid",
        "ce_causationid",
        "traceparent",
    )
)


class MalformedReason(StrEnum):
    """Why a record cannot be read. Also a metric label: the set grows slowly."""

    NULL_VALUE = "null_value"
    TOO_LARGE = "too_large"
    MISSING_HEADER = "missing_header"
    HEADER_NOT_UTF8 = "header_not_utf8"
    INVALID_HEADER = "invalid_header"
    NOT_JSON = "not_json"
    NUL_IN_TEXT = "nul_in_text"
    LONE_SURROGATE = "lone_surrogate"
    INVALID_DATA = "invalid_data"
    INSTANT_OUT_OF_BOUNDS = "instant_out_of_bounds"
    TYPE_MISMATCH = "type_mismatch"
    SUBJECT_MISMATCH = "subject_mismatch"


class Malformed(Exception):
    """The record is not a readable event; `reason` names why, `detail` says where."""

    def __init__(self, reason: MalformedReason, detail: str) -> None:
        # Cut: a dead letter and a log line quote it, and headers may be as long as a record.
        self.reason, self.detail = reason, detail[:500]
        super().__init__(f"{reason}: {self.detail}")


class Encoded(NamedTuple):
    """One record, ready to be sent."""

    topic: str
    key: bytes
    headers: tuple[tuple[str, bytes], ...]
    value: bytes


class Decoded(NamedTuple):
    """A record that was read."""

    envelope: Envelope
    event: Event

    def __str__(self) -> str:
        return str(self.event)


class Unknown(NamedTuple):
    """A record of a type that this version does not know: to be ignored."""

    type: str


def encode(event: Event, envelope: Envelope) -> Encoded:
    """The record of an event.

    Raises `Malformed` for what no consumer would read: text with NUL or half a surrogate pair, or
    more than `MAX_VALUE_BYTES`. `storable` makes any text fit.
    """
    if (
        envelope.type != event.type
        or envelope.desk != event.desk
        or envelope.subject != event.subject()
    ):
        raise ValueError(f"the envelope of {envelope.type} {envelope.id} belongs to another event")
    try:
        value = event.__pydantic_serializer__.to_json(event)
    except (PydanticSerializationError, UnicodeError) as error:
        raise Malformed(MalformedReason.LONE_SURROGATE, str(error)) from error
    _check_size(value)
    _check_nul(value)
    headers = _headers(envelope)
    return Encoded(
        event.TOPIC.value,
        envelope.subject.encode(),  # the partition key, which is the subject
        headers,
        value,
    )


def decode(headers: Sequence[tuple[str, bytes | None]], value: bytes | None) -> Decoded | Unknown:
    """The event of a record, checked against its type's model and its own headers.

    Raises `Malformed` and nothing else, whatever the bytes are.
    """
    attributes = _attributes(headers)
    type_name = _required(attributes, "ce_type")
    model = EVENT_TYPES.get(type_name)
    if model is None:
        return Unknown(type_name)
    envelope = _envelope(attributes, type_name)
    if value is None:
        raise Malformed(MalformedReason.NULL_VALUE, "the record has no value")
    _check_size(value)
    _check_nul(value)
    event = _parse(model, value)
    if event.desk != envelope.desk or event.subject() != envelope.subject:
        raise Malformed(
            MalformedReason.SUBJECT_MISMATCH,
            f"headers say {envelope.desk} {envelope.subject!r}, "
            f"data says {event.desk} {event.subject()!r}",
        )
    return Decoded(envelope, event)


def storable(text: str) -> str:
    """`text` with NUL and half surrogate pairs replaced by U+FFFD, so that it fits an event."""
    clean = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if clean.isascii():
        return clean
    return clean.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _headers(envelope: Envelope) -> tuple[tuple[str, bytes], ...]:
    instant = envelope.time
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    try:
        headers = [
            _SPEC_VERSION_HEADER,
            ("ce_id", envelope.id.encode()),
            ("ce_source", envelope.source.encode()),
            ("ce_type", envelope.type.encode()),
            ("ce_time", b"%bZ" % instant.isoformat()[:-6].encode()),  # without its +00:00
            ("ce_subject", envelope.subject.encode()),
            ("ce_desk", envelope.desk.encode()),
        ]
        if envelope.sequence is not None:
            headers.append(("ce_sequence", b"%d" % envelope.sequence))
        headers.append(("ce_correlationid", envelope.correlation_id.encode()))
        if envelope.causation_id is not None:
            headers.append(("ce_causationid", envelope.causation_id.encode()))
        if envelope.traceparent is not None:
            headers.append(("traceparent", envelope.traceparent.encode()))
    except UnicodeEncodeError as error:
        raise Malformed(MalformedReason.LONE_SURROGATE, "in a header") from error
    headers.append(_CONTENT_TYPE_HEADER)
    if b"\0" in b"".join([raw for _, raw in headers]):
        raise Malformed(MalformedReason.NUL_IN_TEXT, "a header holds the character U+0000")
    return tuple(headers)


def _attributes(headers: Sequence[tuple[str, bytes | None]]) -> dict[str, str]:
    """The headers of ours as text. Of a header given twice the last one counts."""
    given = {name: raw for name, raw in headers if raw is not None and name in _ATTRIBUTES}
    try:
        # All at once: NUL, which no text may hold, neither ends nor begins a character.
        texts = b"\0".join(given.values()).decode().split("\0")
    except UnicodeDecodeError:
        texts = []
    if len(texts) == len(given):
        return dict(zip(given, texts, strict=True))
    for name, raw in given.items():
        _check_header(name, raw)
    return {}


def _check_header(name: str, raw: bytes) -> None:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise Malformed(MalformedReason.HEADER_NOT_UTF8, f"header {name}") from error
    if "\0" in text:
        raise Malformed(MalformedReason.NUL_IN_TEXT, f"header {name}")


def _required(attributes: dict[str, str], name: str) -> str:
    text = attributes.get(name)
    if not text:
        raise Malformed(MalformedReason.MISSING_HEADER, f"header {name}")
    return text


def _envelope(attributes: dict[str, str], type_name: str) -> Envelope:
    if _required(attributes, "ce_specversion") != SPEC_VERSION:
        raise Malformed(MalformedReason.INVALID_HEADER, f"ce_specversion is not {SPEC_VERSION}")
    own_id = _required(attributes, "ce_id")
    return Envelope(
        id=own_id,
        source=_required(attributes, "ce_source"),
        type=type_name,
        time=_time(_required(attributes, "ce_time")),
        subject=_required(attributes, "ce_subject"),
        desk=_required(attributes, "ce_desk"),
        sequence=_sequence(attributes.get("ce_sequence")),
        correlation_id=attributes.get("ce_correlationid") or own_id,
        causation_id=attributes.get("ce_causationid") or None,
        traceparent=attributes.get("traceparent") or None,
    )


def _time(text: str) -> datetime:
    try:
        return bounded_instant(text)
    except NotAnInstant as error:
        raise Malformed(MalformedReason.INVALID_HEADER, f"ce_time {error}") from error
    except OutOfBounds as error:
        raise Malformed(MalformedReason.INSTANT_OUT_OF_BOUNDS, f"ce_time {error}") from error


def _sequence(text: str | None) -> int | None:
    """A count from 1; bounded to what a 64-bit column holds."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and int(text) > 0):
        raise Malformed(MalformedReason.INVALID_HEADER, "ce_sequence is no count from 1")
    return int(text)


def _check_size(value: bytes) -> None:
    if len(value) > MAX_VALUE_BYTES:
        raise Malformed(
            MalformedReason.TOO_LARGE, f"{len(value)} bytes, at most {MAX_VALUE_BYTES} are allowed"
        )


def _check_nul(value: bytes) -> None:
    # The substring search costs nothing; the exact one, which distinguishes an escaped backslash
    # before `u0000` from the escape, runs only where the substring occurs.
    if _NUL_ESCAPE in value and _NUL.search(value):
        raise Malformed(MalformedReason.NUL_IN_TEXT, "the data holds the character U+0000")


def _parse(model: type[Event], value: bytes) -> Event:
    try:
        return model.model_validate_json(value, strict=True)
    except ValidationError as error:
        raise Malformed(*_what_is_wrong(value, error)) from error


def _what_is_wrong(value: bytes, error: ValidationError) -> tuple[MalformedReason, str]:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(str(step) for step in first["loc"])
    detail = f"{where or 'data'}: {first['msg']}"
    if first["type"] == "json_invalid":
        if _LONE_SURROGATE.search(value):
            return MalformedReason.LONE_SURROGATE, detail
        return MalformedReason.NOT_JSON, detail
    if first["type"] == OUT_OF_BOUNDS:
        return MalformedReason.INSTANT_OUT_OF_BOUNDS, detail
    if first["loc"] == ("type",):
        return MalformedReason.TYPE_MISMATCH, detail
    return MalformedReason.INVALID_DATA, detail
