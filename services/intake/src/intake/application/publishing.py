"""Facts of tickets, as the record that is published and the row that is kept, and their batches."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

import asyncpg

from intake.domain.desk import Desk
from intake.domain.thread_matching import Delivery, Key
from intake.domain.ticket import Decision, Ticket
from intake.storage import store
from intake.storage.store import Fact
from pledge.events import EXCERPT_LENGTH, Envelope, TicketEvent, caused_by, encode
from pledge.runtime.records import Message, Poison, Record

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


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record that could be read as a delivery to one of our desks."""

    record: Record
    envelope: Envelope
    delivery: Delivery


@dataclass(slots=True)
class Batch:
    """The result of a batch of records while it is worked out: tickets, facts, poison, counts."""

    arrivals: list[Arrival] = field(default_factory=list)
    poison: list[Poison] = field(default_factory=list)
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    desks: dict[str, Desk] = field(default_factory=dict)
    opened: dict[UUID, Ticket] = field(default_factory=dict)
    openings: dict[UUID, Envelope] = field(default_factory=dict)
    known: dict[UUID, Ticket] = field(default_factory=dict)
    changed: set[UUID] = field(default_factory=set)
    publications: list[Publication] = field(default_factory=list)
    to_confirm: list[tuple[UUID, datetime]] = field(default_factory=list)
    after_commit: list[Callable[[], None]] = field(default_factory=list)

    def count(self, arrival: Arrival, outcome: str) -> None:
        """Count the outcome of a delivery."""
        delivery = arrival.delivery
        self.outcomes[delivery.desk.id, delivery.channel, outcome] += 1

    def ticket(self, ticket_id: UUID | None) -> Ticket | None:
        """The ticket as the batch has it so far."""
        if ticket_id is None:
            return None
        return self.opened.get(ticket_id) or self.known.get(ticket_id)

    def keep(self, decision: Decision) -> None:
        """Keep the decided ticket, to be written."""
        ticket = decision.ticket
        if ticket.id in self.opened:
            self.opened[ticket.id] = ticket
            return
        if decision.events or ticket != self.known[ticket.id]:
            self.changed.add(ticket.id)
        self.known[ticket.id] = ticket

    async def write(
        self, connection: asyncpg.Connection, new_threads: Mapping[Key, UUID] = MappingProxyType({})
    ) -> None:
        """Write the tickets, threads, facts and whole texts: a statement for each kind."""
        if self.opened:
            await store.insert_tickets(connection, list(self.opened.values()))
        if self.changed:
            changed = [self.known[each] for each in sorted(self.changed)]
            await store.update_tickets(connection, changed)
        if new_threads:
            await store.add_threads(connection, new_threads)
        if self.publications:
            await store.insert_facts(connection, [each.fact for each in self.publications])
        texts = [each.long_text for each in self.publications if each.long_text is not None]
        if texts:
            await store.insert_texts(connection, texts)
