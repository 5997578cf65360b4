"""What is sent: the webhook body of a page, the mail of a route, the message to a chat."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from notify import render
from notify.ack import AckLink, make_token
from notify.default_templates import BUILT_IN
from notify.domain.desk import Desk, Person, Template, ToMailbox, ToReceiver, Way, ways
from notify.domain.oncall import on_call
from notify.domain.page import Address
from notify.domain.routing import ChatWanted, Notice, Party
from notify.rows import About, Draft, PageRecord
from pledge.events import Envelope, derived_id

LINK_LIFE = timedelta(days=7)
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
class Letter:
    """What a mail needs beside its words."""

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
    calendar: str | None = None  # iCalendar text of an invitation


def summary(notice: Notice) -> str:
    """A page in one line: `VIR-10042 p1: first_response missed: Mail is down`."""
    subject = " ".join(part for part in (notice.number, notice.severity) if part)
    what = {
        "promise.breached": f"{notice.metric} missed",
        "timer.at_risk": f"{notice.metric} at risk",
        "ticket.opened": "urgent request" if notice.is_urgent else "new request",
        "ticket.escalated": "asks for a manager",
    }.get(notice.event, notice.event.replace("_", " ").replace(".", " "))
    line = ": ".join(part for part in (subject, what, notice.title) if part)
    return line if len(line) <= _SUMMARY_LENGTH else f"{line[: _SUMMARY_LENGTH - 1]}…"


class Composer:
    """Makes deliveries. `public_url` is where responders' browsers find this service."""

    def __init__(self, public_url: str, link_key: bytes) -> None:
        self._public_url = public_url
        self._link_key = link_key

    def page(self, desk: Desk, record: PageRecord, address: Address, now: datetime) -> list[Draft]:
        """The deliveries of one step: one for each way to reach each of its targets."""
        drafts: list[Draft] = []
        seen: set[tuple[str, str]] = set()
        for target in record.page.policy.steps[address.step].targets:
            for way in ways(desk, target, now):
                key = _way_key(way)
                if key not in seen:
                    seen.add(key)
                    drafts.append(self._page_draft(desk, record, address, way, now))
        return drafts

    def responders(
        self, desk: Desk, record: PageRecord, address: Address, now: datetime
    ) -> list[str]:
        """Who is reached by a step, by their names in the desk's file."""
        targets = record.page.policy.steps[address.step].targets
        found = [_responder(way) for target in targets for way in ways(desk, target, now)]
        return list(dict.fromkeys(found))

    def letter(
        self,
        desk: Desk,
        mailbox: Mailbox,
        template: Template,
        values: Mapping[str, Any],
        letter: Letter,
        *,
        draft_id: UUID,
        now: datetime,
    ) -> Draft:
        """One mail to one addressee. Raises render.RenderFailed."""
        recipient = {"name": mailbox.name, "email": mailbox.address, **values.get("recipient", {})}
        words = render.render(
            template, {**values, "desk": _desk_values(desk), "recipient": recipient}, mailbox.zone
        )
        content = _mail_content(desk, mailbox, letter, words, draft_id, now)
        return Draft(
            id=draft_id,
            desk=desk.name,
            lane=letter.lane,
            channel="email",
            kind=letter.kind,
            target=mailbox.address,
            about=letter.about,
            content=content,
            context=letter.context,
            cause=letter.cause,
            page_id=letter.page_id,
            is_automatic=mailbox.is_outside,
        )

    def chat(
        self,
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
        values = {**notice_values(notice), "desk": _desk_values(desk)}
        words = render.render(desk.template(wanted.template, desk.language), values, zone)
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
                "title": words.subject,
                "text": words.text,
            },
            context={"template": wanted.template},
            cause=cause,
        )

    def _page_draft(
        self, desk: Desk, record: PageRecord, address: Address, way: Way, now: datetime
    ) -> Draft:
        source = f"/notify/{address.round}/{address.step}/{'/'.join(_way_key(way))}"
        draft_id = UUID(derived_id(record.page.id, 0, source=source))
        url = self._ack_url(record, _responder(way), now)
        context = {
            "policy": record.page.policy.name,
            "why": record.facts.summary,
            "breach_id": str(record.facts.breach_id) if record.facts.breach_id else None,
            "step": address.step,
            "round": address.round,
            "responder": _responder(way),
        }
        if isinstance(way, ToMailbox):
            mailbox = Mailbox(way.address, way.name, way.zone, way.language, is_outside=False)
            letter = Letter(
                about=record.facts.about,
                cause=record.facts.cause,
                lane=f"{desk.name}/email/page",
                context=context,
                kind="page",
                page_id=record.id,
            )
            return self._page_letter(desk, mailbox, record, letter, url, draft_id, now)
        return Draft(
            id=draft_id,
            desk=desk.name,
            lane=f"{desk.name}/webhook/{way.receiver.name}/page",
            channel="webhook",
            kind="page",
            target=way.receiver.name,
            about=record.facts.about,
            content=self._page_body(desk, record, address, way, url, now),
            context=context,
            cause=record.facts.cause,
            page_id=record.id,
        )

    def _page_letter(
        self,
        desk: Desk,
        mailbox: Mailbox,
        record: PageRecord,
        letter: Letter,
        url: str,
        draft_id: UUID,
        now: datetime,
    ) -> Draft:
        """A page as a mail. A page goes out even when the desk's own template can't be filled."""
        values = _page_values(record, url)
        template = desk.template("page", mailbox.language)
        try:
            return self.letter(desk, mailbox, template, values, letter, draft_id=draft_id, now=now)
        except render.RenderFailed:
            plain = BUILT_IN["page"]["en"]
            return self.letter(desk, mailbox, plain, values, letter, draft_id=draft_id, now=now)

    def _page_body(
        self,
        desk: Desk,
        record: PageRecord,
        address: Address,
        way: ToReceiver,
        acknowledge_url: str,
        now: datetime,
    ) -> dict[str, Any]:
        """The JSON a pager receives. Documented in the service's README; fields are only added."""
        facts = record.facts
        return {
            "type": "pledge.page.v1",
            "timestamp": _iso(now),
            "page_id": record.page.id,
            "desk": desk.name,
            "ticket_id": str(facts.about.ticket_id) if facts.about.ticket_id else None,
            "incident_id": str(facts.about.incident_id) if facts.about.incident_id else None,
            "ticket_number": facts.about.number,
            "breach_id": str(facts.breach_id) if facts.breach_id else None,
            "summary": facts.summary,
            "severity": facts.severity,
            "metric": facts.metric,
            "due_at": _iso(facts.due_at),
            "occurred_at": _iso(facts.occurred_at),
            "detected_at": _iso(facts.detected_at),
            "raised_at": _iso(record.page.raised_at),
            "is_late": record.page.is_late,
            "escalation": {
                "policy": record.page.policy.name,
                "step": address.step,
                "round": address.round,
            },
            "responder": way.person.full_name if way.person else None,
            "acknowledge_url": acknowledge_url,
            "page_url": f"{self._public_url}/pages/{record.page.id}",
        }

    def _ack_url(self, record: PageRecord, responder: str, now: datetime) -> str:
        token = make_token(self._link_key, AckLink(record.id, responder, now + LINK_LIFE))
        return f"{self._public_url}/a/{token}"


def addressees(desk: Desk, to: str, requester: Party | None, at: datetime) -> list[Mailbox]:
    """The mailboxes of a mail rule's addressee; none when there is no address."""
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
    letter: Letter,
    words: render.Rendered,
    draft_id: UUID,
    now: datetime,
) -> dict[str, Any]:
    """What `channels.smtp` builds the message from, in every attempt."""
    return {
        "from": desk.sender,
        "from_name": desk.title,
        "envelope_from": desk.sender,
        "to_name": mailbox.name,
        "subject": words.subject or letter.about.number or desk.title,
        "text": words.text,
        "html": words.html,
        "date": now.isoformat(),
        "message_id": f"<{draft_id}@{desk.sender.rpartition('@')[2]}>",
        "reply_to": letter.reply_to,
        "in_reply_to": letter.in_reply_to,
        "references": list(letter.references),
        "auto_submitted": _auto_submitted(letter),
        "unsubscribe_url": letter.unsubscribe_url,
        "ticket_number": letter.about.number,
        **({"calendar": letter.calendar} if letter.calendar else {}),
    }


def _auto_submitted(letter: Letter) -> str:
    """RFC 3834 §5: what answers a mail by itself, what comes by itself, what a person wrote."""
    if not letter.is_automatic:
        return "no"
    return "auto-replied" if letter.is_reply else "auto-generated"


def _staff(address: str, person: Person) -> Mailbox:
    return Mailbox(address, person.full_name, person.zone, person.language, is_outside=False)


def party_mailbox(desk: Desk, party: Party) -> Mailbox:
    """The mailbox of somebody outside; what they did not say is as the desk has it."""
    return Mailbox(
        party.email or "",
        party.name or "",
        known_zone(party.zone, desk.zone),
        party.language or desk.language,
        is_outside=True,
    )


def known_zone(zone: str | None, otherwise: str) -> str:
    """The zone, unless nobody knows it."""
    return zone if zone and render.is_zone(zone) else otherwise


def notice_values(notice: Notice) -> dict[str, Any]:
    """What a template of a route can say."""
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


def _page_values(record: PageRecord, acknowledge_url: str) -> dict[str, Any]:
    facts = record.facts
    return {
        "ticket": {"number": facts.about.number, "severity": facts.severity},
        "summary": facts.summary,
        "metric": facts.metric,
        "due_at": facts.due_at,
        "occurred_at": facts.occurred_at,
        "detected_at": facts.detected_at,
        "is_late": record.page.is_late,
        "acknowledge_url": acknowledge_url,
    }


def _desk_values(desk: Desk) -> dict[str, Any]:
    return {"name": desk.name, "title": desk.title}


def _responder(way: Way) -> str:
    if way.person is not None:
        return way.person.name
    return way.receiver.name if isinstance(way, ToReceiver) else way.address


def _way_key(way: Way) -> tuple[str, str]:
    if isinstance(way, ToReceiver):
        # Two people behind one receiver are told apart: each has a message of their own.
        return ("webhook", f"{way.receiver.name}/{way.person.name if way.person else ''}")
    return ("email", way.address)


def _iso(instant: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds and Z."""
    if instant is None:
        return None
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
