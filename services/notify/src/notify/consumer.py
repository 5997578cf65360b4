"""Bus records into pages and messages: one transaction a batch, set-based."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import asyncpg
import structlog

from notify import deliveries, notices, render, store
from notify.compose import Letter, addressees, notice_values, summary
from notify.dispatcher import Dispatcher
from notify.domain.desk import Desk
from notify.domain.mailguard import refuse
from notify.domain.page import CauseGone, is_late
from notify.domain.routing import (
    ChatWanted,
    EmailWanted,
    Notice,
    PageWanted,
    Wanted,
    route,
)
from notify.escalation import Escalator
from notify.notices import Ending
from notify.requested import addressed_update, confirmation, requested_mail
from notify.rows import PageFacts, PageRecord, Ticket
from notify.work import Office, Work
from pledge.events import (
    BreachEvent,
    ConfirmationRequested,
    Decoded,
    EmailRequested,
    Malformed,
    TicketEvent,
    Topic,
    Unknown,
    UpdateAddressed,
    decode,
    derived_id,
)
from pledge.runtime.records import Outcome, Partition, Poison, Record

TOPICS = (Topic.TICKET_EVENTS, Topic.SLA_EVENTS, Topic.SLA_BREACHES, Topic.STATUS_EVENTS)

log = structlog.get_logger()


@dataclass(slots=True)
class Batch:
    """One batch on its way: what was read, and what is known for it."""

    work: Work
    read: list[Decoded] = field(default_factory=list)
    tickets: dict[UUID, Ticket] = field(default_factory=dict)
    learnt: dict[UUID, Ticket] = field(default_factory=dict)
    open_pages: list[PageRecord] = field(default_factory=list)
    mailed: Counter[tuple[str, str]] = field(default_factory=Counter)


class NotifyHandler:
    """The consumer's handler. It owns nothing per partition: all state is in the database."""

    def __init__(self, office: Office, dispatcher: Dispatcher, escalator: Escalator) -> None:
        self._office = office
        self._dispatcher = dispatcher
        self._escalator = escalator

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """Nothing to load: pages and deliveries belong to all replicas."""

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """Nothing to drop."""

    async def handle(
        self, connection: asyncpg.Connection, partition: Partition, records: Sequence[Record]
    ) -> Outcome:
        """Decide about a batch. Runs inside the transaction that also moves the offset."""
        outcome = Outcome()
        batch = Batch(self._office.begin())
        batch.read = await self._new_events(
            connection, partition.topic, self._interesting(records, outcome)
        )
        if not batch.read:
            return outcome
        await self._look_up(connection, batch)
        for decoded in batch.read:
            self._decide(batch, decoded)
        await store.save_tickets(connection, list(batch.learnt.values()))
        saved = await batch.work.save(connection, self._dispatcher)
        outcome.messages += saved.messages
        outcome.after_commit.append(lambda: self._escalator.settle(saved))
        return outcome

    # -- reading -----------------------------------------------------------------------------

    def _interesting(self, records: Sequence[Record], outcome: Outcome) -> list[Decoded]:
        """The events that could matter to anybody; what can't be read becomes poison."""
        found: list[Decoded] = []
        for record in records:
            try:
                decoded = decode(record.headers, record.value)
            except Malformed as error:
                outcome.poison.append(Poison(record, error.reason.value, error.detail))
                continue
            if not isinstance(decoded, Unknown) and self._matters(decoded):
                found.append(decoded)
        return found

    def _matters(self, decoded: Decoded) -> bool:
        event = decoded.event
        desk = self._office.desks.get(event.desk)
        if desk is None:
            return False
        if isinstance(event, TicketEvent | UpdateAddressed | ConfirmationRequested):
            return True
        names = notices.route_names(event)
        return notices.ending(event) is not None or any(
            name in line.when.events for line in desk.routes for name in names
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

    async def _look_up(self, connection: asyncpg.Connection, batch: Batch) -> None:
        """One query each for the tickets, the pages that may end, and the mails sent lately."""
        ticket_ids = {
            ticket_id
            for decoded in batch.read
            if (ticket_id := getattr(decoded.event, "ticket_id", None)) is not None
        }
        batch.tickets = await store.lock_tickets(connection, sorted(ticket_ids))
        ends = {end.subject for each in batch.read if (end := notices.ending(each.event))}
        batch.open_pages = await store.lock_open_pages(connection, sorted(ends))
        for desk_name in sorted({decoded.event.desk for decoded in batch.read}):
            desk = self._office.desks[desk_name]
            since = batch.work.now - desk.mails_within
            addresses = sorted(_outside_addresses(batch, desk_name))
            if addresses:
                counts = await deliveries.mailed_lately(connection, desk_name, addresses, since)
                batch.mailed.update({(desk_name, who): mails for who, mails in counts.items()})

    # -- deciding ----------------------------------------------------------------------------

    def _decide(self, batch: Batch, decoded: Decoded) -> None:
        event = decoded.event
        desk = self._office.desks[event.desk]
        ticket = self._learn(batch, decoded)
        if end := notices.ending(event):
            self._end_pages(batch, end)
        match event:
            case EmailRequested():
                mails = requested_mail(self._office, desk, event, decoded.envelope, batch.work.now)
                batch.work.drafts += mails.drafts
                batch.work.events += mails.events
            case UpdateAddressed():
                batch.work.drafts += addressed_update(
                    self._office, desk, event, decoded.envelope, batch.work.now
                )
            case ConfirmationRequested():
                batch.work.drafts += confirmation(
                    self._office, desk, event, decoded.envelope, batch.work.now
                )
            case _:
                notice = notices.notice(event, ticket)
                for wanted in route(notice, desk.routes):
                    self._carry_out(batch, desk, decoded, notice, wanted, ticket)

    def _learn(self, batch: Batch, decoded: Decoded) -> Ticket | None:
        event = decoded.event
        ticket_id = getattr(event, "ticket_id", None)
        if ticket_id is None:
            return None
        known = batch.learnt.get(ticket_id) or batch.tickets.get(ticket_id)
        if not isinstance(event, TicketEvent):
            return known
        learnt = notices.learn(known, event)
        if learnt != known:
            batch.learnt[ticket_id] = learnt
        return learnt

    def _end_pages(self, batch: Batch, end: Ending) -> None:
        candidates = [*batch.open_pages, *batch.work.new_pages.values()]
        for record in candidates:
            is_meant = record.facts.about.subject(record.id) == end.subject and (
                end.breach_id is None or end.breach_id == record.facts.breach_id
            )
            if is_meant:
                batch.work.tell(batch.work.current(record), CauseGone(end.why))

    def _carry_out(
        self,
        batch: Batch,
        desk: Desk,
        decoded: Decoded,
        notice: Notice,
        wanted: Wanted,
        ticket: Ticket | None,
    ) -> None:
        match wanted:
            case PageWanted():
                self._page(batch, desk, decoded, notice, wanted, ticket)
            case EmailWanted():
                self._email(batch, desk, decoded, notice, wanted, ticket)
            case ChatWanted():
                source = f"/notify/chat/{wanted.receiver}/{wanted.template}"
                draft_id = UUID(derived_id(decoded.envelope.id, 0, source=source))
                about = notices.about(decoded.event)
                try:
                    draft = self._office.composer.chat(
                        desk, wanted, notice, about, decoded.envelope, draft_id
                    )
                except render.RenderFailed as error:
                    self._not_rendered(desk, wanted.template, error)
                else:
                    batch.work.drafts.append(draft)

    def _page(
        self,
        batch: Batch,
        desk: Desk,
        decoded: Decoded,
        notice: Notice,
        wanted: PageWanted,
        ticket: Ticket | None,
    ) -> None:
        event, envelope = decoded.event, decoded.envelope
        policy = desk.policies[wanted.policy]
        page_id = UUID(derived_id(envelope.id, 0, source=f"/notify/page/{policy.name}"))
        facts = PageFacts(
            desk=desk.name,
            about=notices.about(event),
            route=wanted.route,
            summary=summary(notice),
            occurred_at=notice.occurred_at,
            detected_at=notice.detected_at,
            cause=envelope,
            severity=notice.severity,
            metric=notice.metric,
            due_at=notice.due_at,
            breach_id=event.breach_id if isinstance(event, BreachEvent) else None,
        )
        late = _is_late(
            event.is_late if isinstance(event, BreachEvent) else None, notice, desk, batch.work.now
        )
        record = batch.work.raise_page(page_id, facts, policy, late=late)
        if ticket is not None and ticket.is_over:
            # The ticket's end overtook its breach on another topic: nobody needs to come.
            batch.work.tell(record, CauseGone("ticket_over"))

    def _email(
        self,
        batch: Batch,
        desk: Desk,
        decoded: Decoded,
        notice: Notice,
        wanted: EmailWanted,
        ticket: Ticket | None,
    ) -> None:
        facts = ticket.facts if ticket else {}
        envelope = decoded.envelope
        for mailbox in addressees(desk, wanted.to, notice.requester, batch.work.now):
            key = (desk.name, mailbox.address)
            if mailbox.is_outside:
                refusal = refuse(
                    mailbox.address,
                    is_automatic=notice.is_automatic,
                    own_addresses=desk.own_addresses,
                    sent_lately=batch.mailed[key],
                    most=desk.mails_per_address,
                )
                if refusal is not None:
                    self._office.metrics.mail_refused(desk.name, refusal)
                    log.info(
                        "mail refused",
                        desk=desk.name,
                        ticket=notice.number,
                        reason=refusal.value,
                        route=wanted.route,
                    )
                    continue
                batch.mailed[key] += 1
            source = f"/notify/email/{mailbox.address}/{wanted.template}"
            letter = Letter(
                about=notices.about(decoded.event),
                cause=envelope,
                lane=f"{desk.name}/email",
                context={"template": wanted.template},
                reply_to=facts.get("reply_to"),
                in_reply_to=_message_id(facts.get("delivery")),
                references=tuple(filter(None, [_message_id(facts.get("delivery"))])),
                is_reply=notice.event == "ticket.opened" and mailbox.is_outside,
            )
            try:
                draft = self._office.composer.letter(
                    desk,
                    mailbox,
                    desk.template(wanted.template, mailbox.language),
                    notice_values(notice),
                    letter,
                    draft_id=UUID(derived_id(envelope.id, 0, source=source)),
                    now=batch.work.now,
                )
            except render.RenderFailed as error:
                self._not_rendered(desk, wanted.template, error)
            else:
                batch.work.drafts.append(draft)

    def _not_rendered(self, desk: Desk, template: str, error: render.RenderFailed) -> None:
        self._office.metrics.template_failed(desk.name, template)
        log.error("template failed", desk=desk.name, template=template, error=str(error))


def _is_late(noticed_late: bool | None, notice: Notice, desk: Desk, now: datetime) -> bool:
    """A breach is late when it was noticed late or reaches us late; other news count from when
    they happened."""
    if noticed_late is None:
        return is_late(notice.occurred_at, now, desk.late_after)
    return noticed_late or is_late(notice.detected_at, now, desk.late_after)


def _message_id(delivery: object) -> str | None:
    """The delivery key of a mail is its Message-ID; other channels have none."""
    text = delivery if isinstance(delivery, str) else ""
    return text if text.startswith("<") and text.endswith(">") and "@" in text else None


def _outside_addresses(batch: Batch, desk: str) -> set[str]:
    found: set[str] = set()
    for decoded in batch.read:
        if decoded.event.desk == desk:
            ticket_id = getattr(decoded.event, "ticket_id", None)
            ticket = batch.tickets.get(ticket_id) if ticket_id else None
            notice = notices.notice(decoded.event, ticket)
            if isinstance(decoded.event, TicketEvent):
                notice = notices.notice(decoded.event, notices.learn(ticket, decoded.event))
            if notice.requester and notice.requester.email:
                found.add(notice.requester.email)
    return found
