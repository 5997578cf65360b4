"""Consumes events: raises and ends pages, writes messages, one transaction a batch."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import asyncpg

from notify.application.context import NotifyContext
from notify.application.escalation import Escalator
from notify.application.unit_of_work import UnitOfWork
from notify.delivery.dispatcher import Dispatcher
from notify.domain.desk import Desk
from notify.domain.page import CauseGone, PageState
from notify.domain.routing import Notice, PageWanted, Wanted, route
from notify.routing import event_reader
from notify.routing.event_reader import Ending
from notify.routing.maintenance import held_until
from notify.routing.requested_mails import addressed_update, confirmation, requested_mail
from notify.routing.route_actions import RouteExecutor, outside_addresses
from notify.storage import deliveries, store
from notify.storage.rows import PageRecord, Ticket
from pledge.events import (
    BreachEvent,
    ConfirmationRequested,
    Decoded,
    EmailRequested,
    Event,
    Malformed,
    TicketEvent,
    Unknown,
    UpdateAddressed,
    decode,
)
from pledge.runtime.kafka.partition_worker import StatelessHandler
from pledge.runtime.records import Outcome, Partition, Poison, Record


@dataclass(frozen=True, slots=True)
class Planned:
    """One event with what is known of its ticket by then, and what its desk's routes require."""

    decoded: Decoded
    ticket: Ticket | None
    notice: Notice | None = None
    wanted: tuple[Wanted, ...] = ()


@dataclass(slots=True)
class Batch:
    """One batch while it is handled: its events, and what was read for them."""

    unit: UnitOfWork
    planned: list[Planned] = field(default_factory=list)
    tickets: dict[UUID, Ticket] = field(default_factory=dict)
    changed_tickets: dict[UUID, Ticket] = field(default_factory=dict)
    open_pages: list[PageRecord] = field(default_factory=list)
    mailed: Counter[tuple[str, str]] = field(default_factory=Counter)


class NotifyHandler(StatelessHandler):
    """The consumer's handler. It owns nothing per partition: all state is in the database."""

    def __init__(
        self, context: NotifyContext, dispatcher: Dispatcher, escalator: Escalator
    ) -> None:
        self._context = context
        self._dispatcher = dispatcher
        self._escalator = escalator

    async def handle(
        self, connection: asyncpg.Connection, partition: Partition, records: Sequence[Record]
    ) -> Outcome:
        """Decide about a batch. Runs inside the transaction that also moves the offset."""
        outcome = Outcome()
        read = self._relevant(records, outcome)
        new = await self._new_events(connection, partition.topic, read)
        if not new:
            return outcome
        batch = Batch(self._context.begin())
        await self._lock_tickets(connection, batch, new)
        batch.planned = [self._plan(batch, decoded) for decoded in new]
        batch.open_pages = await self._open_pages(connection, batch)
        batch.mailed = await self._mailed(connection, batch)
        executor = RouteExecutor(self._context, batch.unit, batch.mailed)
        for planned in batch.planned:
            self._decide(batch, executor, planned)
        await store.save_tickets(connection, list(batch.changed_tickets.values()))
        saved = await batch.unit.save(connection, self._dispatcher)
        outcome.messages += saved.messages
        outcome.after_commit.append(lambda: self._escalator.after_commit(saved))
        return outcome

    # -- reading -----------------------------------------------------------------------------

    def _relevant(self, records: Sequence[Record], outcome: Outcome) -> list[Decoded]:
        """The events that a desk may act on; what can't be decoded becomes poison."""
        found: list[Decoded] = []
        for record in records:
            try:
                decoded = decode(record.headers, record.value)
            except Malformed as error:
                outcome.poison.append(Poison(record, error.reason.value, error.detail))
                continue
            if not isinstance(decoded, Unknown) and self._is_relevant(decoded):
                found.append(decoded)
        return found

    def _is_relevant(self, decoded: Decoded) -> bool:
        event = decoded.event
        desk = self._context.desks.get(event.desk)
        if desk is None:
            return False
        return (
            isinstance(event, TicketEvent | UpdateAddressed | ConfirmationRequested)
            or event_reader.ending(event) is not None
            or not desk.routed_events.isdisjoint(event_reader.route_names(event))
        )

    async def _new_events(
        self, connection: asyncpg.Connection, topic: str, read: Sequence[Decoded]
    ) -> list[Decoded]:
        """Those not handled before: by their sequence, and twice in one batch by their id."""
        if not read:
            return []
        subjects = sorted({decoded.envelope.subject for decoded in read})
        seen = await store.last_seen(connection, topic, subjects)
        moved: dict[str, int] = {}
        new: list[Decoded] = []
        ids: set[str] = set()
        for decoded in read:
            envelope = decoded.envelope
            if envelope.id in ids:
                continue
            ids.add(envelope.id)
            if envelope.sequence is not None:
                if envelope.sequence <= seen.get(envelope.subject, 0):
                    continue
                seen[envelope.subject] = moved[envelope.subject] = envelope.sequence
            new.append(decoded)
        await store.save_seen(connection, topic, moved)
        return new

    async def _lock_tickets(
        self, connection: asyncpg.Connection, batch: Batch, new: Sequence[Decoded]
    ) -> None:
        """The tickets of the batch, locked."""
        ticket_ids = {ticket_id for each in new if (ticket_id := _ticket_id(each)) is not None}
        batch.tickets = await store.lock_tickets(connection, sorted(ticket_ids))

    async def _open_pages(self, connection: asyncpg.Connection, batch: Batch) -> list[PageRecord]:
        """The pages that the batch's events may end or join, locked."""
        subjects: set[str] = set()
        for planned in batch.planned:
            event = planned.decoded.event
            if end := event_reader.ending(event):
                subjects.add(end.subject)
            if any(isinstance(wanted, PageWanted) for wanted in planned.wanted):
                subjects.add(event.subject())
        return await store.lock_open_pages(connection, sorted(subjects))

    async def _mailed(
        self, connection: asyncpg.Connection, batch: Batch
    ) -> Counter[tuple[str, str]]:
        """How many automatic mails each address the batch wants to write to has got lately."""
        found: Counter[tuple[str, str]] = Counter()
        wanted: dict[str, set[str]] = {}
        for planned in batch.planned:
            if planned.notice is not None:
                addresses = outside_addresses(planned.notice, planned.wanted)
                wanted.setdefault(planned.notice.desk, set()).update(addresses)
            event = planned.decoded.event
            if isinstance(event, EmailRequested) and event.is_automatic:
                addresses = {each.email for each in (*event.to, *event.cc) if each.email}
                wanted.setdefault(event.desk, set()).update(addresses)
        for name, addresses in sorted(wanted.items()):
            if addresses:
                since = batch.unit.now - self._context.desks[name].mails_within
                counts = await deliveries.mailed_lately(connection, name, sorted(addresses), since)
                found.update({(name, address): mails for address, mails in counts.items()})
        return found

    # -- deciding ----------------------------------------------------------------------------

    def _plan(self, batch: Batch, decoded: Decoded) -> Planned:
        """Apply the event to its ticket, and evaluate the desk's routes."""
        event = decoded.event
        ticket = self._apply_to_ticket(batch, decoded)
        desk = self._context.desks[event.desk]
        if desk.routed_events.isdisjoint(event_reader.route_names(event)):
            return Planned(decoded, ticket)
        notice = event_reader.notice(event, ticket)
        return Planned(decoded, ticket, notice, route(notice, desk.routes))

    def _apply_to_ticket(self, batch: Batch, decoded: Decoded) -> Ticket | None:
        event = decoded.event
        ticket_id = _ticket_id(decoded)
        if ticket_id is None:
            return None
        known = batch.changed_tickets.get(ticket_id) or batch.tickets.get(ticket_id)
        if not isinstance(event, TicketEvent):
            return known
        changed = event_reader.apply_to_ticket(known, event)
        if changed != known:
            batch.changed_tickets[ticket_id] = changed
        return changed

    def _decide(self, batch: Batch, executor: RouteExecutor, planned: Planned) -> None:
        event = planned.decoded.event
        desk = self._context.desks[event.desk]
        if end := event_reader.ending(event):
            self._end_pages(batch, end)
        self._send_requested(batch, desk, planned)
        if planned.notice is not None:
            for wanted in planned.wanted:
                if not (isinstance(wanted, PageWanted) and self._is_paging(batch, event, wanted)):
                    executor.execute(desk, planned.decoded, planned.notice, wanted, planned.ticket)

    def _is_paging(self, batch: Batch, event: Event, wanted: PageWanted) -> bool:
        """Whether a page of this ticket with the same policy is open already: a call and its
        voicemail are one alarm until it is acknowledged. A breach has a page of its own, which its
        retraction ends."""
        if isinstance(event, BreachEvent):
            return False
        unit = batch.unit
        return any(
            current.page.state is PageState.TRIGGERED
            and current.page.policy.name == wanted.policy
            and current.facts.breach_id is None
            and current.facts.about.subject(current.id) == event.subject()
            for current in map(unit.current, [*batch.open_pages, *unit.new_pages.values()])
        )

    def _send_requested(self, batch: Batch, desk: Desk, planned: Planned) -> None:
        """Write the mails that another service requests."""
        unit, cause = batch.unit, planned.decoded.envelope
        match planned.decoded.event:
            case EmailRequested() as event:
                held = held_until(planned.ticket, unit.now)
                mails = requested_mail(
                    self._context, desk, event, cause, unit.now, batch.mailed, held
                )
                unit.drafts += mails.drafts
                unit.events += mails.events
            case UpdateAddressed() as event:
                unit.drafts += addressed_update(self._context, desk, event, cause, unit.now)
            case ConfirmationRequested() as event:
                unit.drafts += confirmation(self._context, desk, event, cause, unit.now)
            case _:
                pass

    def _end_pages(self, batch: Batch, end: Ending) -> None:
        for record in [*batch.open_pages, *batch.unit.new_pages.values()]:
            is_affected = record.facts.about.subject(record.id) == end.subject and (
                end.breach_id is None or end.breach_id == record.facts.breach_id
            )
            if is_affected:
                batch.unit.apply(batch.unit.current(record), CauseGone(end.resolution))


def _ticket_id(decoded: Decoded) -> UUID | None:
    found: UUID | None = getattr(decoded.event, "ticket_id", None)
    return found
