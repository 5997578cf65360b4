"""`Envelope`: the CloudEvents attributes that travel in the record's headers.

`sequence` counts the events of one subject on one topic, from 1, without gaps, and is set by the
topic's owner. Consumers drop a sequence not above the last one seen for that topic and subject.
Gateways count nothing: the `delivery` key makes a channel event recognisable.
"""

import re
from datetime import datetime
from hashlib import sha1
from typing import NamedTuple, Protocol
from uuid import UUID

from pledge.events.event import Event

# Any fixed value would do; it must never change, or a replay would give other ids.
_NAMESPACE = UUID("6f2d52a5-8f0b-5c3c-9a5e-2d1f6b0f7c11").bytes
_VARIANTS = "89ab"

_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")


class Envelope(NamedTuple):
    """Who says so, about what, when, caused by what: all of an event but its data."""

    id: str
    source: str
    """The service or gateway: `/intake`, `/gateways/twilio`."""
    type: str
    time: datetime
    """`occurred_at` of the event."""
    subject: str
    desk: str
    sequence: int | None
    """From 1 per topic and subject; None from gateways."""
    correlation_id: str
    """The id of the event that began the whole story."""
    causation_id: str | None
    """The id of the event that this one answers."""
    traceparent: str | None
    """W3C trace context, version 00."""


class Causing(Protocol):
    """What an event hands on to those that answer it: an `Envelope`, or what was kept of one."""

    @property
    def id(self) -> str:
        """The event's own id."""
        ...

    @property
    def correlation_id(self) -> str:
        """The id of the event that began the whole story."""
        ...

    @property
    def traceparent(self) -> str | None:
        """W3C trace context, version 00."""
        ...


def derived_id(cause: str, position: int, *, source: str = "") -> str:
    """The id of the `position`-th event caused by the event `cause`: the same in every replay.

    Two services that react to one event stay apart by their `source`.
    """
    # RFC 9562 §5.5, as `uuid.uuid5` has it, without a UUID in between: every event passes here.
    name = f"{source}\n{cause}\n{position}".encode()
    digest = sha1(_NAMESPACE + name, usedforsecurity=False).hexdigest()
    variant = _VARIANTS[int(digest[16], 16) & 3]
    return f"{digest[:8]}-{digest[8:12]}-5{digest[13:16]}-{variant}{digest[17:20]}-{digest[20:32]}"


def originate(
    event: Event,
    *,
    source: str,
    id: str,  # noqa: A002 - the CloudEvents attribute's name
    sequence: int | None = None,
    correlation_id: str | None = None,
    traceparent: str | None = None,
) -> Envelope:
    """The envelope of an event that no other event caused: its story begins here, unless
    `correlation_id` names an earlier beginning."""
    return Envelope(
        id=id,
        source=source,
        type=event.type,
        time=event.occurred_at,
        subject=event.subject(),
        desk=event.desk,
        sequence=sequence,
        correlation_id=correlation_id or id,
        causation_id=None,
        traceparent=traceparent,
    )


def caused_by(
    event: Event, cause: Causing, position: int, *, source: str, sequence: int | None
) -> Envelope:
    """The envelope of an event that answers `cause`; `position` distinguishes its siblings."""
    own_id = derived_id(cause.id, position, source=source)
    return Envelope(
        id=own_id,
        source=source,
        type=event.type,
        time=event.occurred_at,
        subject=event.subject(),
        desk=event.desk,
        sequence=sequence,
        correlation_id=cause.correlation_id,
        causation_id=cause.id,
        traceparent=_child_trace(cause.traceparent, own_id),
    )


def _child_trace(parent: str | None, own_id: str) -> str | None:
    """The same trace, with a span made of the event's id; what is no trace context ends here."""
    match = _TRACEPARENT.fullmatch(parent) if parent else None
    if match is None:
        return None
    # The variant bits of a UUID keep its second half from ever being all zeros, which W3C forbids.
    return f"00-{match[1]}-{own_id[19:23]}{own_id[24:]}-{match[2]}"
