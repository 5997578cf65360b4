"""Mails and chat messages. Pages: `page_messages`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from notify.domain.desk import Desk, Template
from notify.domain.oncall import on_call
from notify.domain.routing import ChatWanted, Notice, Party
from notify.messages import render
from notify.storage.rows import About, Draft
from pledge.events import Envelope
from pledge.events.values import is_zone
from pledge.runtime.http.web.format import words

_SUMMARY_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One addressee of a mail."""

    address: str
    name: str
    zone: str
    language: str
    is_outside: bool  # a customer or subscriber: loops and floods are possible


@dataclass(frozen=True, slots=True)
class MailSpec:
    """What a mail needs besides its template."""

    about: About
    cause: Envelope
    lane: str
    context: dict[str, Any]
    kind: str = "email"
    reply_to: str | None = None
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    is_reply: bool = False
    is_automatic: bool = True
    unsubscribe_url: str | None = None
    page_id: UUID | None = None
    not_before: datetime | None = None
    calendar: str | None = None  # iCalendar text of an invitation


def summary(notice: Notice) -> str:
    """A page in one line: `VIR-10042 p1: first response missed: Mail is down`."""
    subject = " ".join(part for part in (notice.number, notice.severity) if part)
    promise = words(notice.metric or "")
    what = {
        "promise.breached": f"{promise} missed",
        "timer.started": f"{promise} promised",
        "timer.at_risk": f"{promise} at risk",
        "ticket.opened": "urgent request" if notice.is_urgent else "new request",
        "ticket.escalated": "asks for a manager",
        "ticket.callback_requested": "waits to be called back",
    }.get(notice.event, notice.event.replace("_", " ").replace(".", " "))
    line = ": ".join(part for part in (subject, what, notice.title) if part)
    return line if len(line) <= _SUMMARY_LENGTH else f"{line[: _SUMMARY_LENGTH - 1]}…"


def write_mail(
    desk: Desk,
    mailbox: Mailbox,
    template: Template,
    values: Mapping[str, Any],
    spec: MailSpec,
    *,
    draft_id: UUID,
    now: datetime,
) -> Draft:
    """One mail to one addressee. Raises render.RenderFailed."""
    recipient = {"name": mailbox.name, "email": mailbox.address, **values.get("recipient", {})}
    rendered = render.render(
        template, {**values, "desk": desk_values(desk), "recipient": recipient}, mailbox.zone
    )
    content = _mail_content(desk, mailbox, spec, rendered, draft_id, now)
    return Draft(
        id=draft_id,
        desk=desk.name,
        lane=spec.lane,
        channel="email",
        kind=spec.kind,
        target=mailbox.address,
        about=spec.about,
        content=content,
        context=spec.context,
        cause=spec.cause,
        page_id=spec.page_id,
        is_automatic=mailbox.is_outside,
        not_before=spec.not_before,
    )


def write_chat_message(
    desk: Desk,
    wanted: ChatWanted,
    notice: Notice,
    about: About,
    cause: Envelope,
    draft_id: UUID,
) -> Draft:
    """One message to a receiver. Raises render.RenderFailed."""
    receiver = wanted.receiver
    zone = desk.receivers[receiver].zone
    values = {**notice_values(notice), "desk": desk_values(desk)}
    rendered = render.render(desk.template(wanted.template, desk.language), values, zone)
    return Draft(
        id=draft_id,
        desk=desk.name,
        lane=f"{desk.name}/webhook/{receiver}",
        channel="webhook",
        kind="chat",
        target=receiver,
        about=about,
        content={
            "type": "pledge.message.v1",
            "desk": desk.name,
            "ticket_number": about.number,
            "title": rendered.subject,
            "text": rendered.text,
        },
        context={"template": wanted.template},
        cause=cause,
    )


def addressees(desk: Desk, to: str, notice: Notice, at: datetime) -> list[Mailbox]:
    """The mailboxes of a mail rule's addressee; none when there is no address."""
    requester = notice.requester
    if to == "participants":
        return [party_mailbox(desk, each) for each in notice.participants if each.email]
    if to == "requester":
        return [party_mailbox(desk, requester)] if requester and requester.email else []
    kind, _, name = to.partition(":")
    if kind == "rotation" and name in desk.rotations:
        name = on_call(desk.rotations[name], at)
    person = desk.people.get(name) if kind in ("person", "rotation") else None
    if person and person.email:
        return [
            Mailbox(person.email, person.full_name, person.zone, person.language, is_outside=False)
        ]
    if "@" in to:
        return [Mailbox(to, "", desk.zone, desk.language, is_outside=False)]
    return []


def _mail_content(
    desk: Desk,
    mailbox: Mailbox,
    spec: MailSpec,
    rendered: render.Rendered,
    draft_id: UUID,
    now: datetime,
) -> dict[str, Any]:
    """What `channels.smtp` builds the message from, in every attempt."""
    return {
        "from": desk.sender,
        "from_name": desk.title,
        "envelope_from": desk.sender,
        "to_name": mailbox.name,
        "subject": rendered.subject or spec.about.number or desk.title,
        "text": rendered.text,
        "html": rendered.html,
        "date": now.isoformat(),
        "message_id": f"<{draft_id}@{desk.sender.rpartition('@')[2]}>",
        "reply_to": spec.reply_to,
        "in_reply_to": spec.in_reply_to,
        "references": list(spec.references),
        "auto_submitted": _auto_submitted(spec),
        "unsubscribe_url": spec.unsubscribe_url,
        "ticket_number": spec.about.number,
        **({"calendar": spec.calendar} if spec.calendar else {}),
    }


def _auto_submitted(spec: MailSpec) -> str:
    """RFC 3834 §5: what answers a mail by itself, what comes by itself, what a person wrote."""
    if not spec.is_automatic:
        return "no"
    return "auto-replied" if spec.is_reply else "auto-generated"


def party_mailbox(desk: Desk, party: Party) -> Mailbox:
    """The mailbox of a person outside; the desk's zone and language where theirs are unknown."""
    return Mailbox(
        party.email or "",
        party.name or "",
        known_zone(party.zone, desk.zone),
        party.language or desk.language,
        is_outside=True,
    )


def known_zone(zone: str | None, otherwise: str) -> str:
    """The zone, if it is a known one."""
    return zone if zone and is_zone(zone) else otherwise


def notice_values(notice: Notice) -> dict[str, Any]:
    """The variables of a route's template."""
    return {
        "ticket": {
            "number": notice.number,
            "title": notice.title,
            "severity": notice.severity,
            "priority": notice.priority,
            "channel": notice.channel,
        },
        "event": notice.details,
        "summary": summary(notice),
        "metric": notice.metric,
        "due_at": notice.due_at,
        "occurred_at": notice.occurred_at,
        "detected_at": notice.detected_at,
    }


def desk_values(desk: Desk) -> dict[str, Any]:
    """The variables of the desk in every template."""
    return {"name": desk.name, "title": desk.title}
