"""Turns channel events into tickets: a batch of records in one transaction of a few statements.

Read the records, drop deliveries that are known, find their tickets, number the new ones, apply
each delivery to its ticket, write all of it. The rules are in `domain`, the statements in
`storage`. Events of other services go to `application.events_of_other_services`.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID

import asyncpg

from intake.application import events_of_other_services, maintenance
from intake.application.acknowledgements import due_at as confirmed_at
from intake.application.answer_limits import hold_answers
from intake.application.bounces import take_back_returned
from intake.application.merged_tickets import lock_with_merge_targets, merge_targets, redirected
from intake.application.page_limits import hold_pages
from intake.application.publishing import (
    Arrival,
    Batch,
    Publication,
    ending_of,
    entry_of_poison,
    ledger_entries,
    publication_of,
    set_aside_lost,
)
from intake.application.webhook_feed import WebhookFeed
from intake.domain.admission.open_ticket import open_ticket
from intake.domain.admission.rules import INTAKE
from intake.domain.apply_delivery import apply_delivery
from intake.domain.command_registry import FINISHED
from intake.domain.commands import decide
from intake.domain.commands.relations import followed, linked_back, may_follow, spoken_of
from intake.domain.desk import Desk
from intake.domain.reply_address import ReplyAddresses
from intake.domain.requester_links import RequesterLinks
from intake.domain.thread_matching import (
    CHANNELS,
    Delivery,
    Key,
    Routed,
    as_news,
    followed_by,
    is_without_id,
    number_named,
    read_delivery,
    route,
)
from intake.domain.ticket import CommandContext, Decision, Ticket
from intake.metrics import IntakeMetrics
from intake.storage import acknowledgements, chat_queue, ledger, store, windows
from intake.storage.ledger import Ending, Entry
from intake.storage.ticket_numbers import named_by_number
from intake.storage.windows import CustomersWindow
from pledge.events import (
    ChannelEvent,
    MaintenanceWindowSubmitted,
    Malformed,
    Topic,
    Unknown,
    decode,
)
from pledge.runtime.clock import Clock
from pledge.runtime.ids import Ids
from pledge.runtime.kafka.partition_worker import StatelessHandler
from pledge.runtime.records import Outcome, Partition, Poison, Record

FOLLOWED: Final = 1_000
"""Positions of facts on a followed ticket begin here, clear of the new ticket's own: ids are
derived from them."""
WINDOWS: Final = 2_000
"""And those of maintenance windows on a new ticket here."""


class IntakeHandler(StatelessHandler):
    """Applies records of the channel topics, and of the other services, to tickets."""

    def __init__(
        self,
        desks: Mapping[str, Desk],
        addresses: ReplyAddresses,
        *,
        clock: Clock,
        ids: Ids,
        metrics: IntakeMetrics,
        links: RequesterLinks | None = None,
        same_words_for: timedelta = timedelta(hours=6),
        webhooks: WebhookFeed | None = None,
        on_window: Callable[[], None] = lambda: None,
        on_acknowledgement: Callable[[], None] = lambda: None,
    ) -> None:
        self._same_words_for = same_words_for
        self._webhooks = webhooks
        self._on_window = on_window
        self._on_acknowledgement = on_acknowledgement
        self._desks = desks
        self._services = events_of_other_services.ServiceEvents(desks, links, on_acknowledgement)
        self._addresses = addresses
        self._clock = clock
        self._ids = ids
        self._metrics = metrics

    async def handle(
        self, connection: asyncpg.Connection, partition: Partition, records: Sequence[Record]
    ) -> Outcome:
        """Take the records in; those that can't be read are given back as poison."""
        now = self._clock.now()
        if partition.topic == Topic.TICKET_EVENTS and self._webhooks is not None:
            return await self._webhooks.learn(connection, records, now)
        if partition.topic in events_of_other_services.TOPICS:
            return self._outcome(await self._services.learn(connection, partition, records, now))
        batch = Batch()
        self._read(records, batch)
        await self._drop_known(connection, batch, now)
        if partition.topic == Topic.CHANNEL_PORTAL:
            await self._take_windows(connection, batch, now)
        if batch.arrivals:
            await self._take_in(connection, partition, batch, now)
        if entries := ledger_entries(batch, now, self._desks):
            await ledger.write(connection, entries)
            batch.after_commit.append(partial(self._count_ends, entries))
        return self._outcome(batch)

    async def _take_in(
        self, connection: asyncpg.Connection, partition: Partition, batch: Batch, now: datetime
    ) -> None:
        """Write what the batch's deliveries open or append, within the desks' limits."""
        if partition.topic == Topic.CHANNEL_CHAT:
            await chat_queue.update(connection, [each.delivery for each in batch.arrivals], now)
        await _resolve_numbers(connection, batch)
        routed, new_threads = await self._route(connection, batch)
        numbers = await self._number(connection, routed)
        desks = (each.delivery.desk for each, way in routed if way.opens)
        batch.desks = await store.desks_with_plans(connection, desks)
        self._apply(batch, routed, numbers, now)
        if batch.urgent:
            await hold_pages(connection, batch, now, self._metrics.page_held)
        await self._with_windows(connection, batch, now)
        if batch.has_reports:
            await take_back_returned(connection, batch, now)
        if batch.answers:
            await hold_answers(connection, batch, now, self._metrics.answer_held)
        await batch.write(connection, new_threads)
        if batch.to_confirm:
            await acknowledgements.add(connection, batch.to_confirm)
            batch.after_commit.append(self._on_acknowledgement)

    async def open_filed(
        self, connection: asyncpg.Connection, record: Record, now: datetime
    ) -> Batch:
        """Open a ticket of a machine's mail, whatever it answers, and answer nobody (RFC 3834).
        Nothing is opened of one that came from an address of the desk."""
        batch = Batch()
        self._read([record], batch)
        batch.arrivals = [
            replace(each, delivery=delivery)
            for each in batch.arrivals
            if (delivery := as_news(each.delivery)) is not None
        ]
        if batch.arrivals:
            await self._take_in(connection, Partition(record.topic, record.partition), batch, now)
        return batch

    async def rejected(self, connection: asyncpg.Connection, poison: Sequence[Poison]) -> None:
        """Enter what the runtime sets aside because handling it failed into the ledger."""
        now = self._clock.now()
        taken = [each for each in poison if each.record.topic in CHANNELS]
        entries = [entry_of_poison(each, now, self._desks) for each in taken]
        await ledger.write(connection, entries)

    def _count_ends(self, entries: Sequence[Entry]) -> None:
        for each in entries:
            self._metrics.ended(each.desk, each.channel, each.ending)

    async def _take_windows(
        self, connection: asyncpg.Connection, batch: Batch, now: datetime
    ) -> None:
        """Keep the maintenance windows among the deliveries; the others go on (INF-09)."""
        others = []
        for arrival in batch.arrivals:
            if isinstance(arrival.delivery.event, MaintenanceWindowSubmitted):
                outcome = await maintenance.take(connection, arrival.delivery, now)
                batch.count(arrival, outcome, Ending.FILED)
            else:
                others.append(arrival)
        if len(others) < len(batch.arrivals):
            batch.after_commit.append(self._on_window)
        batch.arrivals = others

    async def _with_windows(
        self, connection: asyncpg.Connection, batch: Batch, now: datetime
    ) -> None:
        """New tickets of a customer get to know its maintenance windows (INF-09)."""
        customers: dict[str, set[str]] = {}
        for ticket in batch.opened.values():
            if ticket.customer in self._desks[ticket.desk].customers:
                customers.setdefault(ticket.desk, set()).add(ticket.customer or "")
        for desk, names in sorted(customers.items()):
            found = await windows.ahead(connection, desk, names, now)
            for ticket_id, ticket in list(batch.opened.items()) if found else ():
                own = [each for each in found if ticket.desk == desk
                       and each.customer == ticket.customer]  # fmt: skip
                _set_windows(batch, ticket_id, self._desks[desk], own, now)

    def _outcome(self, batch: Batch) -> Outcome:
        return Outcome(
            messages=[each.message for each in batch.publications],
            poison=batch.poison,
            after_commit=[partial(self._count, batch.outcomes), *batch.after_commit],
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
                batch.unknown.append(record)
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
        deliveries = [each.delivery for each in batch.arrivals]
        keys = {each.key for each in deliveries}
        keys |= {each.base_key for each in deliveries if each.base_key}
        await _forget_words_of_another_day(connection, deliveries, now - self._same_words_for)
        fresh = await store.note_deliveries(connection, sorted(keys), now)
        kept = []
        for arrival in batch.arrivals:
            delivery = arrival.delivery
            if delivery.key not in fresh:
                batch.count(arrival, "duplicate", Ending.DUPLICATE)
                continue
            if delivery.base_key in fresh:  # no other copy of it came before
                arrival = replace(arrival, delivery=replace(delivery, copied=()))
            fresh -= {delivery.key, delivery.base_key}
            kept.append(arrival)
        batch.arrivals = kept

    async def _route(
        self, connection: asyncpg.Connection, batch: Batch
    ) -> tuple[list[tuple[Arrival, Routed]], dict[Key, UUID]]:
        deliveries = [each.delivery for each in batch.arrivals]
        recent = {key for each in deliveries for key in each.recent}
        lookups = recent.union(key for each in deliveries for key in (*each.copied, *each.lookups))
        threads = await store.find_threads(connection, list(lookups)) if lookups else {}
        wanted = {*threads.values(), *(each.named for each in deliveries if each.named)}
        wanted |= {each.claimed for each in deliveries if each.claimed}
        wanted |= {old for each in deliveries if (old := followed_by(each)) is not None}
        batch.known = await lock_with_merge_targets(connection, wanted) if wanted else {}
        moved = merge_targets(batch.known) if batch.known else {}
        threads = {
            key: moved.get(ticket_id, ticket_id)
            for key, ticket_id in threads.items()
            if ticket_id in batch.known
            and (key not in recent or _is_open_call(batch, moved.get(ticket_id, ticket_id)))
        }
        if moved:
            deliveries = [redirected(each, moved) for each in deliveries]
            batch.arrivals = [
                replace(arrival, delivery=delivery)
                for arrival, delivery in zip(batch.arrivals, deliveries, strict=True)
            ]
        routed, new_threads = route(deliveries, threads, batch.known, self._ids.new)
        pairs = list(zip(batch.arrivals, routed, strict=True))
        await set_aside_lost(connection, batch, pairs)
        return [pair for pair in pairs if not pair[1].is_lost], new_threads

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
                batch.count(arrival, way.reason, Ending.FILED)
                continue
            delivery = arrival.delivery
            if way.is_redial:
                delivery = replace(delivery, is_redial=True)
            if way.opens:
                desk = batch.desks.get(delivery.desk.id)
                asked = replace(delivery, desk=desk) if desk is not None else delivery
                decision = self._open(asked, way.ticket_id, numbers, now)
                related = batch.ticket(way.related)
                if related is not None:
                    decision = spoken_of(decision, related, arrival.delivery, now)
                batch.opened[way.ticket_id] = decision.ticket
                batch.openings[way.ticket_id] = arrival.envelope
                if (due_at := confirmed_at(decision, asked.desk, now)) is not None:
                    batch.to_confirm.append((way.ticket_id, due_at))
                before = 0
                batch.publications += _follow(batch, arrival, decision.ticket, now)
            else:
                ticket = batch.opened.get(way.ticket_id) or batch.known[way.ticket_id]
                decision = apply_delivery(ticket, delivery, now=now)
                before = ticket.sequence
                batch.keep(decision)
            ending = ending_of(decision, delivery, opens=way.opens)
            batch.count(arrival, decision.reason, ending, way.ticket_id)
            batch.publish(arrival, decision.events, before)

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


def _set_windows(
    batch: Batch, ticket_id: UUID, desk: Desk, own: Sequence[CustomersWindow], now: datetime
) -> None:
    cause = batch.openings[ticket_id]
    for position, window in enumerate(own):
        ticket = batch.opened[ticket_id]
        context = CommandContext(desk, INTAKE, ticket.opened_at, now)
        decision = decide(ticket, maintenance.command_of(window), context)
        if isinstance(decision, Decision):
            batch.keep(decision)
            batch.publications += [
                publication_of(event, cause, WINDOWS + position, decision.ticket.sequence)
                for event in decision.events
            ]


def _is_open_call(batch: Batch, ticket_id: UUID) -> bool:
    """Whether who calls again would go on with this ticket."""
    ticket = batch.known[ticket_id]
    return ticket.channel == "phone" and ticket.state not in FINISHED


def _follow(batch: Batch, arrival: Arrival, ticket: Ticket, now: datetime) -> list[Publication]:
    """Record on the old ticket that the new one follows it up (SIG-08), and link them."""
    old_id = followed_by(arrival.delivery)
    old = batch.known.get(old_id) if old_id else None
    if old is None or not may_follow(ticket, old):
        return []
    batch.opened[ticket.id] = linked_back(ticket, old)
    decision = followed(
        old, ticket, CommandContext(arrival.delivery.desk, INTAKE, ticket.opened_at, now)
    )
    batch.keep(decision)
    return [
        publication_of(event, arrival.envelope, FOLLOWED + position, old.sequence + position + 1)
        for position, event in enumerate(decision.events)
    ]


async def _forget_words_of_another_day(
    connection: asyncpg.Connection, deliveries: Sequence[Delivery], before: datetime
) -> None:
    """A mail without an id says nothing of whether it is the one that came before: the same words
    count as the same mail only if that was taken after ``before``."""
    keys = [each.key for each in deliveries if is_without_id(each.event)]
    if keys:
        await store.forget_old_deliveries(connection, keys, before)


async def _resolve_numbers(connection: asyncpg.Connection, batch: Batch) -> None:
    """Find the tickets that deliveries name by number, as few do."""
    deliveries = [each.delivery for each in batch.arrivals]
    if any(number_named(each) is not None for each in deliveries):
        found = await named_by_number(connection, deliveries)
        pairs = zip(batch.arrivals, found, strict=True)
        batch.arrivals = [replace(arrival, delivery=delivery) for arrival, delivery in pairs]
