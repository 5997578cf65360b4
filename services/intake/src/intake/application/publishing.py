"""A ticket's fact in its two forms: the record that is published and the row that is kept."""

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from intake.storage.store import Fact
from pledge.events import EXCERPT_LENGTH, Envelope, TicketEvent, caused_by, encode
from pledge.runtime.records import Message

SOURCE: Final = "/intake"


@dataclass(frozen=True, slots=True)
class Publication:
    """``long_text`` is (ticket, sequence, text) where the event repeats a text only in part."""

    message: Message
    fact: Fact
    long_text: tuple[UUID, int, str] | None = None


def publication_of(
    event: TicketEvent, cause: Envelope, position: int, sequence: int, text: str | None = None
) -> Publication:
    """The fact as the ``position``-th event that ``cause`` caused and the ``sequence``-th of its
    ticket. Raises Malformed when no consumer could read it."""
    return publication(
        event, caused_by(event, cause, position, source=SOURCE, sequence=sequence), text
    )


def publication(event: TicketEvent, envelope: Envelope, text: str | None = None) -> Publication:
    """The fact under an envelope that carries its sequence; ``text`` is its whole text."""
    assert envelope.sequence is not None
    encoded = encode(event, envelope)
    fact = Fact(
        ticket_id=event.ticket_id,
        sequence=envelope.sequence,
        event_id=envelope.id,
        type=event.type,
        occurred_at=event.occurred_at,
        data=encoded.value.decode(),
    )
    message = Message(encoded.topic, encoded.key, encoded.value, encoded.headers)
    if text is None or len(text) <= EXCERPT_LENGTH:
        return Publication(message, fact)
    return Publication(message, fact, (event.ticket_id, envelope.sequence, text))
