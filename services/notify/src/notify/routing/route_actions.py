"""Executes routes: raises pages, writes mails and chat messages."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import structlog

from notify.application.context import NotifyContext
from notify.application.unit_of_work import UnitOfWork
from notify.domain.desk import Desk
from notify.domain.mail_limits import refuse
from notify.domain.page import CauseGone, is_late
from notify.domain.routing import ChatWanted, EmailWanted, Notice, PageWanted, Wanted
from notify.messages.mails_and_chat import (
    Mailbox,
    MailSpec,
    addressees,
    notice_values,
    summary,
    write_chat_message,
    write_mail,
)
from notify.messages.render import RenderFailed
from notify.routing import event_reader
from notify.routing.maintenance import can_wait, held_until
from notify.storage.rows import PageFacts, Ticket
from pledge.events import BreachEvent, Decoded, derived_id

log = structlog.get_logger()


class RouteExecutor:
    """Adds the pages and deliveries that routes require to a unit of work.

    `mailed` counts the automatic mails that each (desk, address) has got lately.
    """

    def __init__(
        self, context: NotifyContext, unit: UnitOfWork, mailed: Counter[tuple[str, str]]
    ) -> None:
        self._context = context
        self._unit = unit
        self._mailed = mailed

    def execute(
        self, desk: Desk, decoded: Decoded, notice: Notice, wanted: Wanted, ticket: Ticket | None
    ) -> None:
        """Execute one action of a route for one event."""
        match wanted:
            case PageWanted():
                self._page(desk, decoded, notice, wanted, ticket)
            case EmailWanted():
                for mailbox in addressees(desk, wanted.to, notice, self._unit.now):
                    if self._may_mail(desk, mailbox, notice, wanted):
                        self._email(desk, decoded, notice, wanted, mailbox, ticket)
            case ChatWanted():
                self._chat(desk, decoded, notice, wanted)

    def _page(
        self,
        desk: Desk,
        decoded: Decoded,
        notice: Notice,
        wanted: PageWanted,
        ticket: Ticket | None,
    ) -> None:
        event, envelope = decoded.event, decoded.envelope
        policy = desk.policies[wanted.policy]
        breach = event if isinstance(event, BreachEvent) else None
        facts = PageFacts(
            desk=desk.name,
            about=event_reader.about(event),
            route=wanted.route,
            summary=summary(notice),
            occurred_at=notice.occurred_at,
            detected_at=notice.detected_at,
            cause=envelope,
            severity=notice.severity,
            metric=notice.metric,
            due_at=notice.due_at,
            breach_id=breach.breach_id if breach else None,
        )
        page_id = UUID(derived_id(envelope.id, 0, source=f"/notify/page/{policy.name}"))
        late = _is_late(notice, breach, desk, self._unit.now)
        record = self._unit.raise_page(page_id, facts, policy, late=late)
        if (why := event_reader.ended_before(notice, event, ticket)) is not None:
            self._unit.apply(record, CauseGone(why))

    def _may_mail(self, desk: Desk, mailbox: Mailbox, notice: Notice, wanted: EmailWanted) -> bool:
        if not mailbox.is_outside:
            return True
        key = (desk.name, mailbox.address)
        refusal = refuse(
            mailbox.address,
            is_automatic=notice.is_automatic,
            own_addresses=desk.own_addresses,
            sent_lately=self._mailed[key],
            most=desk.mails_per_address,
        )
        if refusal is None:
            self._mailed[key] += 1
            return True
        self._context.metrics.mail_refused(desk.name, refusal)
        log.info(
            "mail_refused",
            desk=desk.name,
            ticket=notice.number,
            reason=refusal.value,
            route=wanted.route,
        )
        return False

    def _email(
        self,
        desk: Desk,
        decoded: Decoded,
        notice: Notice,
        wanted: EmailWanted,
        mailbox: Mailbox,
        ticket: Ticket | None,
    ) -> None:
        facts = ticket.facts if ticket else {}
        envelope = decoded.envelope
        in_reply_to = _message_id(facts.get("message_id"))
        spec = MailSpec(
            about=event_reader.about(decoded.event),
            cause=envelope,
            lane=f"{desk.name}/email",
            context={"template": wanted.template},
            reply_to=facts.get("reply_to"),
            in_reply_to=in_reply_to if mailbox.is_outside else None,
            references=(in_reply_to,) if in_reply_to and mailbox.is_outside else (),
            is_reply=notice.event == "ticket.opened" and mailbox.is_outside,
            not_before=self._held(mailbox, notice, ticket),
        )
        source = f"/notify/email/{mailbox.address}/{wanted.template}"
        try:
            draft = write_mail(
                desk,
                mailbox,
                desk.template(wanted.template, mailbox.language),
                notice_values(notice),
                spec,
                draft_id=UUID(derived_id(envelope.id, 0, source=source)),
                now=self._unit.now,
            )
        except RenderFailed as error:
            self._not_rendered(desk, wanted.template, error)
        else:
            self._unit.drafts.append(draft)

    def _held(self, mailbox: Mailbox, notice: Notice, ticket: Ticket | None) -> datetime | None:
        """When a mail to somebody outside that can wait may go out; None: at once (INF-09)."""
        if not mailbox.is_outside or not can_wait(notice):
            return None
        return held_until(ticket, self._unit.now)

    def _chat(self, desk: Desk, decoded: Decoded, notice: Notice, wanted: ChatWanted) -> None:
        source = f"/notify/chat/{wanted.receiver}/{wanted.template}"
        draft_id = UUID(derived_id(decoded.envelope.id, 0, source=source))
        about = event_reader.about(decoded.event)
        try:
            draft = write_chat_message(desk, wanted, notice, about, decoded.envelope, draft_id)
        except RenderFailed as error:
            self._not_rendered(desk, wanted.template, error)
        else:
            self._unit.drafts.append(draft)

    def _not_rendered(self, desk: Desk, template: str, error: RenderFailed) -> None:
        self._context.metrics.template_failed(desk.name, template)
        log.error("template_failed", desk=desk.name, template=template, error=str(error))


def outside_addresses(notice: Notice, wanted: Sequence[Wanted]) -> set[str]:
    """The addresses of people outside that these actions would mail."""
    mailed = {each.to for each in wanted if isinstance(each, EmailWanted)}
    people = list(notice.participants) if "participants" in mailed else []
    if "requester" in mailed and notice.requester is not None:
        people.append(notice.requester)
    return {each.email for each in people if each.email}


def _is_late(notice: Notice, breach: BreachEvent | None, desk: Desk, now: datetime) -> bool:
    """A breach is late when it was noticed late or reaches us late; other events count from when
    they happened."""
    if breach is None:
        return is_late(notice.occurred_at, now, desk.late_after)
    return breach.is_late or is_late(breach.detected_at, now, desk.late_after)


def _message_id(value: object) -> str | None:
    """The Message-ID of the mail that opened the ticket, if it is a usable one."""
    text = value if isinstance(value, str) else ""
    return text if text.startswith("<") and text.endswith(">") and "@" in text else None
