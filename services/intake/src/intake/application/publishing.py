"""Facts of tickets, as the record that is published and the row that is kept, and their batches."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

import asyncpg

from intake.domain.answer_limits import is_counted
from intake.domain.desk import Desk
from intake.domain.paging import may_page
from intake.domain.text import one_line, storable
from intake.domain.thread_matching import CHANNELS, Delivery, Key, Routed
from intake.domain.ticket import Decision, Ticket
from intake.storage import store
from intake.storage.ledger import Ending, Entry
from intake.storage.store import Fact
from pledge.events import (
    EXCERPT_LENGTH,
    AgentReplied,
    AttachmentRef,
    Contact,
    EmailRequested,
    EntitlementDecided,
    Envelope,
    InformationRequested,
    Noted,
    Reopened,
    RequesterReplied,
    TicketEvent,
    TicketOpened,
    Topic,
    caused_by,
    encode,
)
from pledge.runtime.records import Message, Poison, Record, names

SOURCE: Final = "/intake"
# The mail of a reply names the reply's files once more.
WITH_FILES: Final = (TicketOpened, RequesterReplied, AgentReplied, Noted)
MAX_SENDER: Final = 320
MAX_SUBJECT: Final = 200
"""Characters of them that the delivery ledger keeps."""


@dataclass(frozen=True, slots=True)
class Publication:
    """``long_text`` is (ticket, sequence, text) where the event repeats a text only in part."""

    message: Message
    fact: Fact
    long_text: tuple[UUID, int, str] | None = None


def publication_of(
    event: TicketEvent,
    cause: Envelope,
    position: int,
    sequence: int,
    text: str | None = None,
    raw: AttachmentRef | None = None,
) -> Publication:
    """The fact as the ``position``-th event that ``cause`` caused and the ``sequence``-th of its
    ticket. Raises Malformed when no consumer could read it."""
    return publication(
        event, caused_by(event, cause, position, source=SOURCE, sequence=sequence), text, raw
    )


def publication(
    event: TicketEvent,
    envelope: Envelope,
    text: str | None = None,
    raw: AttachmentRef | None = None,
) -> Publication:
    """The fact under an envelope that carries its sequence; ``text`` is its whole text, ``raw`` the
    message that it came in."""
    assert envelope.sequence is not None
    encoded = encode(event, envelope)
    fact = Fact(
        ticket_id=event.ticket_id,
        sequence=envelope.sequence,
        event_id=envelope.id,
        type=event.type,
        occurred_at=event.occurred_at,
        data=encoded.value.decode(),
        desk=event.desk,
        files=event.attachments if isinstance(event, WITH_FILES) else (),
        raw=raw,
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


@dataclass(frozen=True, slots=True)
class Urgent:
    """The facts of a delivery that may page, and where they stand in the batch: the ticket had
    ``before`` facts, and their publications begin at ``start``."""

    arrival: Arrival
    events: tuple[TicketEvent, ...]
    before: int
    start: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An automatic answer to a mail: the ``position``-th fact of the delivery, the ``sequence``-th
    of its ticket, the ``index``-th publication of the batch."""

    arrival: Arrival
    event: EmailRequested
    position: int
    sequence: int
    index: int


@dataclass(slots=True)
class Batch:
    """The result of a batch of records while it is worked out: tickets, facts, poison, counts."""

    arrivals: list[Arrival] = field(default_factory=list)
    poison: list[Poison] = field(default_factory=list)
    unknown: list[Record] = field(default_factory=list)
    ends: list[tuple[Arrival, Ending, str, UUID | None]] = field(default_factory=list)
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    desks: dict[str, Desk] = field(default_factory=dict)
    opened: dict[UUID, Ticket] = field(default_factory=dict)
    openings: dict[UUID, Envelope] = field(default_factory=dict)
    known: dict[UUID, Ticket] = field(default_factory=dict)
    changed: set[UUID] = field(default_factory=set)
    publications: list[Publication] = field(default_factory=list)
    to_confirm: list[tuple[UUID, datetime]] = field(default_factory=list)
    urgent: list[Urgent] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    after_commit: list[Callable[[], None]] = field(default_factory=list)

    def publish(self, arrival: Arrival, events: tuple[TicketEvent, ...], before: int) -> None:
        """Add the facts of a delivery to a ticket that had ``before`` facts."""
        if may_page(arrival.delivery, events):
            self.urgent.append(Urgent(arrival, events, before, len(self.publications)))
        if arrival.delivery.channel == "email":
            start = len(self.publications)
            self.answers += [
                Answer(arrival, event, position, before + position + 1, start + position)
                for position, event in enumerate(events)
                if isinstance(event, EmailRequested) and is_counted(event)
            ]
        self.publications += publications_of(arrival, events, before)

    def count(
        self, arrival: Arrival, outcome: str, ending: Ending, ticket_id: UUID | None = None
    ) -> None:
        """Count the outcome of a delivery, and keep its one end for the ledger."""
        delivery = arrival.delivery
        self.outcomes[delivery.desk.id, delivery.channel, outcome] += 1
        self.ends.append((arrival, ending, outcome, ticket_id))

    @property
    def has_reports(self) -> bool:
        """Whether any of the deliveries is a mail that says what became of one of ours."""
        return any(getattr(each.delivery.event, "reports", ()) for each in self.arrivals)

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


def publications_of(
    arrival: Arrival, events: Sequence[TicketEvent], before: int
) -> list[Publication]:
    """The facts of a delivery to a ticket that had ``before`` facts. The whole text stands with the
    one that repeats it: the first, or the reply behind the reopening that it caused."""
    words = getattr(arrival.delivery.event, "text", None)
    raw = getattr(arrival.delivery.event, "raw", None)
    told = int(bool(events) and isinstance(events[0], Reopened))
    return [
        publication_of(
            event,
            arrival.envelope,
            position,
            before + position + 1,
            words if position == told else None,
            raw if position == told else None,
        )
        for position, event in enumerate(events)
    ]


async def set_aside_lost(
    connection: asyncpg.Connection, batch: Batch, pairs: Sequence[tuple[Arrival, Routed]]
) -> None:
    """Deliveries for a ticket that does not exist are poison; replayed later they may find it."""
    lost = [arrival for arrival, way in pairs if way.is_lost]
    if not lost:
        return
    await store.forget_deliveries(connection, [each.delivery.key for each in lost])
    for each in lost:
        detail = f"no ticket {each.delivery.named} at desk {each.delivery.desk.id}"
        batch.poison.append(Poison(each.record, "unknown_ticket", detail))


# ---- the one end of each delivery, as the ledger keeps it ----


def ending_of(decision: Decision, delivery: Delivery, *, opens: bool) -> Ending:
    """The end of a delivery that has a ticket, by the facts that it caused."""
    for event in decision.events:
        if isinstance(event, EntitlementDecided) and not event.entitled and event.answer:
            return Ending.REFUSED
        if isinstance(event, InformationRequested):
            return Ending.ASKED_BACK
    if opens:
        return Ending.OPENED
    is_machines = delivery.ignored is not None and delivery.channel == "email"
    return Ending.FILED if is_machines else Ending.APPENDED


def ledger_entries(batch: Batch, now: datetime, desks: Collection[str]) -> list[Entry]:
    """An entry for each record of the batch: deliveries, what can't be handled, what is of a type
    that this version does not know."""
    entries = [_entry(*each, now) for each in batch.ends]
    entries += [entry_of_poison(each, now, desks) for each in batch.poison]
    entries += [_unread(each, Ending.FILED, "unknown_type", now, desks) for each in batch.unknown]
    return entries


def entry_of_poison(poison: Poison, now: datetime, desks: Collection[str]) -> Entry:
    """The entry of a record that goes to the dead letters."""
    return _unread(poison.record, Ending.QUARANTINED, poison.reason, now, desks)


def _entry(
    arrival: Arrival, ending: Ending, reason: str, ticket_id: UUID | None, now: datetime
) -> Entry:
    delivery = arrival.delivery
    return Entry(
        desk=delivery.desk.id,
        channel=delivery.channel,
        ending=ending,
        reason=reason,
        taken_at=now,
        sender=_sender(delivery),
        subject=one_line(getattr(delivery.event, "subject_line", ""), MAX_SUBJECT),
        ticket_id=ticket_id,
        event_id=arrival.envelope.id,
        place=_place(arrival.record),
    )


def _sender(delivery: Delivery) -> str | None:
    event = delivery.event
    for name in ("sender", "requester", "caller"):
        person = getattr(event, name, None)
        if isinstance(person, Contact):
            who = person.email or person.phone or person.chat or person.name
            return who[:MAX_SENDER] if who else None
    return None


def _unread(
    record: Record, ending: Ending, reason: str, now: datetime, desks: Collection[str]
) -> Entry:
    """The entry of a record without a delivery; a desk that is none of ours names nobody."""
    said = {name: storable(value) for name, value in names(record.headers).items()}
    return Entry(
        desk=desk if (desk := said.get("desk", "")) in desks else "",
        channel=CHANNELS[Topic(record.topic)],
        ending=ending,
        reason=reason,
        taken_at=now,
        sender=None,
        subject="",
        ticket_id=None,
        event_id=said.get("event_id", ""),
        place=_place(record),
    )


def _place(record: Record) -> str:
    return f"{record.topic}/{record.partition}/{record.offset}"
