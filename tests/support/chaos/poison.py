"""Records that no service can handle, each malformed in another way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pledge.events import (
    AgentReplied,
    Authentication,
    Contact,
    ReplySubmitted,
    derived_id,
    encode,
    originate,
)
from pledge.runtime.records import Message
from support.chaos.desk import DESK
from support.chaos.random_source import RandomSource
from support.chaos.stories import AGENT, Conversation, TicketStory

Headers = tuple[tuple[str, bytes | None], ...]
# Who reads a topic, and so keeps what is wrong on it.
READERS: Mapping[str, tuple[str, ...]] = {
    "channel": ("intake",),
    "ticket.events.v1": ("sla", "notify", "status"),
    "sla.events.v1": ("notify",),
    "sla.breaches.v1": ("notify", "status"),
    "status.events.v1": ("notify", "sla"),
}


@dataclass(frozen=True, slots=True)
class BadRecord:
    """A record, and for each service that keeps it as a dead letter, the reason that it gives."""

    name: str
    message: Message
    reasons: Mapping[str, str]


def _readers(topic: str) -> tuple[str, ...]:
    return READERS["channel" if topic.startswith("channel.") else topic]


def _spoilt(good: Message) -> list[tuple[str, bytes | None, Headers, str | None]]:
    """What can be wrong with a record that is otherwise `good`; no reason: it is ignored."""
    value, headers = good.value or b"", good.headers
    text = value[:-1] + b', "text": "%s"}'
    own_type = dict(headers)["ce_type"] or b""
    another = value.replace(b'"%s"' % own_type, b'"pledge.ticket.noted.v1"', 1)
    return [
        ("not JSON", b"{no json", headers, "not_json"),
        ("not text", b"\xff\xfe\x00\x01", headers, "not_json"),
        ("cut off", value[: len(value) // 2], headers, "not_json"),
        ("null value", None, headers, "null_value"),
        ("another type inside", another, headers, "type_mismatch"),
        ("hardly a field", b'{"type": "%s"}' % own_type, headers, "invalid_data"),
        ("no headers", value, (), "missing_header"),
        ("null header", value, _set(headers, "ce_id", None), "missing_header"),
        ("header not UTF-8", value, _set(headers, "ce_subject", b"\xff\xfe"), "header_not_utf8"),
        ("header with NUL", value, _set(headers, "ce_desk", b"cha\x00os"), "nul_in_text"),
        ("time no time", value, _set(headers, "ce_time", b"yesterday"), "invalid_header"),
        ("1 MB body", text.replace(b"%s", b"x" * 1_000_000), headers, "too_large"),
        ("NUL in the text", text.replace(b"%s", rb"a\u0000b"), headers, "nul_in_text"),
        ("half a pair", text.replace(b"%s", rb"a\ud800b"), headers, "lone_surrogate"),
        ("other subject", value, _set(headers, "ce_subject", b"x"), "subject_mismatch"),
        ("type of tomorrow", value, _set(headers, "ce_type", b"pledge.ticket.sung.v9"), None),
    ]


def spoil(good: Message) -> list[BadRecord]:
    """Every way in which `good` can be wrong. The records keep its key, or have none."""
    return [
        BadRecord(
            name,
            # A key that is null: the record may be on any partition.
            Message(good.topic, b"" if name == "no headers" else good.key, value, headers),
            dict.fromkeys(_readers(good.topic), reason) if reason else {},
        )
        for name, value, headers, reason in _spoilt(good)
    ]


def on_tickets(story: TicketStory) -> list[BadRecord]:
    """Bad records under the key of an open ticket."""
    return spoil(story.messages[0])


def on_channel(one: Conversation) -> list[BadRecord]:
    """Bad deliveries within a conversation that goes on."""
    first = one.deliveries[0]
    return spoil(one.message(first, 0, first.at))


def of_nothing(rng: RandomSource, one: Conversation) -> list[BadRecord]:
    """A fact of, and a reply on, a ticket that does not exist."""
    now, unknown_id = one.deliveries[0].at, rng.id()
    common = {"desk": DESK, "occurred_at": now, "recorded_at": now, "ticket_id": unknown_id}
    fact = AgentReplied.model_validate({**common, "number": "CHAOS-0", "agent": AGENT})
    reply = ReplySubmitted.model_validate(
        {
            **common,
            "delivery": unknown_id.hex,
            "conversation": unknown_id.hex,
            "authentication": Authentication(result="none"),
            "requester": Contact(email="nobody@customer.example"),
        }
    )
    found = []
    for event, service, sequence in ((fact, "sla", 2), (reply, "intake", None)):
        envelope = originate(
            event, source="/chaos", id=derived_id(unknown_id.hex, 0), sequence=sequence
        )
        encoded = encode(event, envelope)
        message = Message(encoded.topic, encoded.key, encoded.value, encoded.headers)
        found.append(
            BadRecord("a ticket that does not exist", message, {service: "unknown_ticket"})
        )
    return found


def elsewhere(rng: RandomSource) -> list[BadRecord]:
    """Rubbish on the topics that services write themselves."""
    return [
        BadRecord(
            "rubbish",
            Message(topic, rng.id().bytes, rng.id().bytes, (("x", None), ("y", b"\xff"))),
            dict.fromkeys(_readers(topic), "missing_header"),
        )
        for topic in ("sla.events.v1", "sla.breaches.v1", "status.events.v1")
    ]


def _set(headers: Headers, name: str, value: bytes | None) -> Headers:
    return tuple((key, value if key == name else old) for key, old in headers)
