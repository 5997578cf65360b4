"""Channel events to tickets: a batch of records in one transaction of a few statements.

Read, drop what was delivered before, find the tickets it belongs to, number the new ones, apply
each delivery to its ticket, write all of it. The meaning is in `domain`; the statements in `store`.

Of the other services' topics it hears two things: a silence rule of the SLA came true (VIR-10), and
a mail was sent about a ticket, whose answers belong to that ticket.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID

import asyncpg

from intake.application.merged_tickets import heirs, inherited, lock_with_heirs
from intake.application.publishing import Publication, publication_of
from intake.domain.admission import INTAKE
from intake.domain.apply_delivery import hear
from intake.domain.auto_close import close_silent
from intake.domain.commands.relations import followed, linked_back, may_follow
from intake.domain.delivery import Delivery, Key, followed_by, key_of, read_delivery
from intake.domain.desk import Desk
from intake.domain.open_ticket import open_ticket
from intake.domain.reply_address import ReplyAddresses
from intake.domain.thread_matching import Routed, route
from intake.domain.ticket import CommandContext, Decision, Ticket
from intake.metrics import IntakeMetrics
from intake.storage import chat_queue, customer_plans, store
from intake.storage.ticket_numbers import named_by_number
from pledge.events import (
    ChannelEvent,
    Decoded,
    EmailSent,
    Envelope,
    Malformed,
    SilenceElapsed,
    Topic,
    Unknown,
    decode,
)
from pledge.runtime.clock import Clock
from pledge.runtime.ids import Ids
from pledge.runtime.records import Outcome, Partition, Poison, Record

FOLLOWED: Final = 1_000
_SILENCE: Final = ("ce_type", SilenceElapsed.TYPE.encode())
_MAIL_SENT: Final = ("ce_type", EmailSent.TYPE.encode())


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record that could be read as a delivery to one of our desks."""

    record: Record
    envelope: Envelope
    delivery: Delivery


@dataclass(slots=True)
class Batch:
    """What a batch comes to, as it is worked out."""

    arrivals: list[Arrival] = field(default_factory=list)
    poison: list[Poison] = field(default_factory=list)
    outcomes: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    planned: dict[str, Desk] = field(default_factory=dict)
    opened: dict[UUID, Ticket] = field(default_factory=dict)
    known: dict[UUID, Ticket] = field(default_factory=dict)
    changed: set[UUID] = field(default_factory=set)
    publications: list[Publication] = field(default_factory=list)

    def counts(self, arrival: Arrival, outcome: str) -> None:
        """Count what became of a delivery."""
        delivery = arrival.delivery
        self.outcomes[delivery.desk.id, delivery.channel, outcome] += 1


class IntakeHandler:
    """Applies records of the channel topics, and of the silence rules, to tickets."""

    def __init__(
        self,
        desks: Mapping[str, Desk],
        addresses: ReplyAddresses,
        *,
        clock: Clock,
        ids: Ids,
        metrics: IntakeMetrics,
    ) -> None:
        self._desks = desks
        self._addresses = addresses
        self._clock = clock
        self._ids = ids
        self._metrics = metrics

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """Nothing is cached between batches."""

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """Nothing is cached between batches."""

    async def handle(
        self, connection: asyncpg.Connection, partition: Partition, records: Sequence[Record]
    ) -> Outcome:
        """Take the records in; those that can't be read are given back as poison."""
        if partition.topic == Topic.SLA_EVENTS:
            return await self._handle_silences(connection, records)
        if partition.topic == Topic.NOTIFY_EVENTS:
            return await self._handle_sent_mails(connection, records)
        now = self._clock.now()
        batch = Batch()
        self._read(records, batch)
        await self._drop_known(connection, batch, now)
        if batch.arrivals:
            await chat_queue.note(connection, [each.delivery for each in batch.arrivals], now)
            await _resolve_numbers(connection, batch)
            routed, begun = await self._route(connection, batch)
            numbers = await self._number(connection, routed)
            opening = (each.delivery.desk for each, way in routed if way.opens)
            batch.planned = await customer_plans.planned(connection, opening)
            self._apply(batch, routed, numbers, now)
            await _write(connection, batch, begun)
        return self._outcome(batch)

    def _outcome(self, batch: Batch) -> Outcome:
        return Outcome(
            messages=[each.message for each in batch.publications],
            poison=batch.poison,
            after_commit=[partial(self._count, batch.outcomes)],
        )

    def _count(self, outcomes: Counter[tuple[str, str, str]]) -> None:
        for (desk, channel, outcome), count in outcomes.items():
            self._metrics.delivered(desk, channel, outcome, count)

    def _read(self, records: Sequence[Record], batch: Batch) -> None:
        for record in records:
            try:
                decoded = decode(record.headers, record.value)
            except Malformed as error:
                batch.poison.append(Poison(record, error.reason.value, error.detail))
                continue
            if isinstance(decoded, Unknown) or not isinstance(decoded.event, ChannelEvent):
                continue
            desk = self._desks.get(decoded.event.desk)
            if desk is None:
                detail = f"no desk {decoded.event.desk} is configured here"
                batch.poison.append(Poison(record, "unknown_desk", detail))
                continue
            envelope = decoded.envelope
            delivery = read_delivery(decoded.event, envelope.id, desk, self._addresses)
            batch.arrivals.append(Arrival(record, envelope, delivery))

    async def _drop_known(
        self, connection: asyncpg.Connection, batch: Batch, now: datetime
    ) -> None:
        """Keep the first arrival of each delivery that was not taken before."""
        if not batch.arrivals:
            return
        keys = {each.delivery.key for each in batch.arrivals}
        fresh = await store.note_deliveries(connection, sorted(keys), now)
        kept = []
        for arrival in batch.arrivals:
            if arrival.delivery.key in fresh:
                fresh.discard(arrival.delivery.key)
                kept.append(arrival)
            else:
                batch.counts(arrival, "duplicate")
        batch.arrivals = kept

    async def _route(
        self, connection: asyncpg.Connection, batch: Batch
    ) -> tuple[list[tuple[Arrival, Routed]], dict[Key, UUID]]:
        deliveries = [each.delivery for each in batch.arrivals]
        lookups = {key for each in deliveries for key in each.lookups}
        threads = await store.find_threads(connection, list(lookups)) if lookups else {}
        wanted = {*threads.values(), *(each.named for each in deliveries if each.named)}
        wanted |= {old for each in deliveries if (old := followed_by(each)) is not None}
        batch.known = await lock_with_heirs(connection, wanted) if wanted else {}
        owners = {ticket.id: ticket.desk for ticket in batch.known.values()}
        moved = heirs(batch.known)
        threads = {
            key: moved.get(ticket_id, ticket_id)
            for key, ticket_id in threads.items()
            if ticket_id in owners
        }
        if moved:
            deliveries = [inherited(each, moved) for each in deliveries]
            batch.arrivals = [
                replace(arrival, delivery=delivery)
                for arrival, delivery in zip(batch.arrivals, deliveries, strict=True)
            ]
        routed, begun = route(deliveries, threads, owners, self._ids.new)
        pairs = list(zip(batch.arrivals, routed, strict=True))
        await _set_aside_lost(connection, batch, pairs)
        return [pair for pair in pairs if not pair[1].is_lost], begun

    async def _number(
        self, connection: asyncpg.Connection, routed: Sequence[tuple[Arrival, Routed]]
    ) -> dict[str, int]:
        counts = Counter(arrival.delivery.desk.id for arrival, way in routed if way.opens)
        return await store.take_numbers(connection, counts, self._desks) if counts else {}

    def _apply(
        self,
        batch: Batch,
        routed: Sequence[tuple[Arrival, Routed]],
        numbers: dict[str, int],
        now: datetime,
    ) -> None:
        for arrival, way in routed:
            if way.ticket_id is None:
                batch.counts(arrival, way.reason)
                continue
            delivery = arrival.delivery
            words = getattr(delivery.event, "text", None)
            if way.opens:
                desk = batch.planned.get(delivery.desk.id)
                asked = replace(delivery, desk=desk) if desk is not None else delivery
                decision = self._open(asked, way.ticket_id, numbers, now)
                batch.opened[way.ticket_id] = decision.ticket
                before = 0
                batch.publications += _follow(batch, arrival, decision.ticket, now)
            else:
                ticket = batch.opened.get(way.ticket_id) or batch.known[way.ticket_id]
                decision = hear(ticket, delivery, now=now)
                before = ticket.sequence
                _keep(batch, decision)
            batch.counts(arrival, decision.reason)
            batch.publications += [
                publication_of(
                    event,
                    arrival.envelope,
                    position,
                    before + position + 1,
                    words if position == 0 else None,
                )
                for position, event in enumerate(decision.events)
            ]

    def _open(
        self, delivery: Delivery, ticket_id: UUID, numbers: dict[str, int], now: datetime
    ) -> Decision:
        desk = delivery.desk
        number = numbers[desk.id]
        numbers[desk.id] = number + 1
        return open_ticket(
            delivery,
            ticket_id=ticket_id,
            number=f"{desk.ticket_prefix}-{number}",
            reply_to=self._addresses.address(desk.reply_address, desk.id, ticket_id),
            now=now,
        )

    # ---- what other services tell ----

    async def _handle_silences(
        self, connection: asyncpg.Connection, records: Sequence[Record]
    ) -> Outcome:
        """Announce and close what was silent for too long."""
        now = self._clock.now()
        batch = Batch()
        silences = self._told(records, _SILENCE, batch)
        if silences:
            await self._close_silent(connection, batch, silences, now)
        return self._outcome(batch)

    async def _handle_sent_mails(
        self, connection: asyncpg.Connection, records: Sequence[Record]
    ) -> Outcome:
        """Remember the ids of mails about tickets: an answer may come to another address of the
        desk than the signed one."""
        batch = Batch()
        begun = {
            key_of("mail", each.event.desk, each.event.mail_message_id): each.event.ticket_id
            for each in self._told(records, _MAIL_SENT, batch)
            if isinstance(each.event, EmailSent) and each.event.ticket_id is not None
        }
        if begun:
            await store.add_threads(connection, begun)
        return self._outcome(batch)

    def _told(
        self, records: Sequence[Record], wanted: tuple[str, bytes], batch: Batch
    ) -> list[Decoded]:
        """The events of one type for our desks. The others of the topic are passed over by their
        header alone: they are many."""
        found = []
        for record in records:
            if wanted not in record.headers:
                continue
            try:
                decoded = decode(record.headers, record.value)
            except Malformed as error:
                batch.poison.append(Poison(record, error.reason.value, error.detail))
                continue
            if isinstance(decoded, Decoded) and decoded.event.desk in self._desks:
                found.append(decoded)
        return found

    async def _close_silent(
        self,
        connection: asyncpg.Connection,
        batch: Batch,
        silences: Sequence[Decoded],
        now: datetime,
    ) -> None:
        keys = {key_of("silence", each.envelope.desk, each.envelope.id): each for each in silences}
        fresh = await store.note_deliveries(connection, sorted(keys), now)
        news = [each for key, each in keys.items() if key in fresh]
        wanted = [each.event.ticket_id for each in news if isinstance(each.event, SilenceElapsed)]
        batch.known = await store.lock_tickets(connection, wanted)
        for each in news:
            event = each.event
            ticket = batch.known.get(event.ticket_id) if isinstance(event, SilenceElapsed) else None
            if ticket is None or not isinstance(event, SilenceElapsed) or ticket.desk != event.desk:
                continue
            decision = close_silent(ticket, event, self._desks[event.desk], now=now)
            _keep(batch, decision)
            batch.outcomes[event.desk, "silence", decision.reason] += 1
            batch.publications += [
                publication_of(told, each.envelope, position, ticket.sequence + position + 1)
                for position, told in enumerate(decision.events)
            ]
        await _write(connection, batch, {})


def _follow(batch: Batch, arrival: Arrival, ticket: Ticket, now: datetime) -> list[Publication]:
    """Tell the ticket that the new one follows up (SIG-08), and link the new one back."""
    old_id = followed_by(arrival.delivery)
    old = batch.known.get(old_id) if old_id else None
    if old is None or not may_follow(ticket, old):
        return []
    batch.opened[ticket.id] = linked_back(ticket, old)
    decision = followed(
        old, ticket, CommandContext(arrival.delivery.desk, INTAKE, ticket.opened_at, now)
    )
    _keep(batch, decision)
    return [
        # Positions far from those of the new ticket's own facts: ids are derived from them.
        publication_of(event, arrival.envelope, FOLLOWED + position, old.sequence + position + 1)
        for position, event in enumerate(decision.events)
    ]


def _keep(batch: Batch, decision: Decision) -> None:
    ticket = decision.ticket
    if ticket.id in batch.opened:
        batch.opened[ticket.id] = ticket
        return
    if decision.events or ticket != batch.known[ticket.id]:
        batch.changed.add(ticket.id)
    batch.known[ticket.id] = ticket


async def _resolve_numbers(connection: asyncpg.Connection, batch: Batch) -> None:
    """Find the tickets that deliveries name by number."""
    found = await named_by_number(connection, [each.delivery for each in batch.arrivals])
    if found is not None:
        pairs = zip(batch.arrivals, found, strict=True)
        batch.arrivals = [replace(arrival, delivery=delivery) for arrival, delivery in pairs]


async def _set_aside_lost(
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


async def _write(connection: asyncpg.Connection, batch: Batch, begun: Mapping[Key, UUID]) -> None:
    if batch.opened:
        await store.insert_tickets(connection, list(batch.opened.values()))
    if batch.changed:
        changed = [batch.known[each] for each in sorted(batch.changed)]
        await store.update_tickets(connection, changed)
    if begun:
        await store.add_threads(connection, begun)
    if batch.publications:
        await store.insert_facts(connection, [each.fact for each in batch.publications])
    texts = [each.long_text for each in batch.publications if each.long_text is not None]
    if texts:
        await store.insert_texts(connection, texts)
