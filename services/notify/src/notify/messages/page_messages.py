"""What a page sends: a mail, a signed webhook or a call for each way to reach its step's people."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from notify.channels.ack_links import place_of, with_late_link
from notify.channels.ack_tokens import AckLink
from notify.channels.twiml import ask_for_a_key
from notify.domain.desk import Desk, ToMailbox, ToPhone, ToReceiver, Way, ways
from notify.domain.page import Address
from notify.messages import render
from notify.messages.compose import Composer, Letter, Mailbox, desk_values
from notify.messages.default_templates import BUILT_IN
from notify.storage.rows import Draft, PageRecord
from pledge.events import derived_id

LINK_LIFE = timedelta(days=7)


class PageComposer:
    """Makes the deliveries of pages. `public_url` is where responders find this service."""

    def __init__(self, composer: Composer, public_url: str) -> None:
        self._composer = composer
        self._public_url = public_url

    def drafts(
        self, desk: Desk, record: PageRecord, address: Address, now: datetime
    ) -> list[Draft]:
        """The deliveries of one step: one for each way to reach each of its targets."""
        drafts: list[Draft] = []
        seen: set[tuple[str, str]] = set()
        for target in record.page.policy.steps[address.step].targets:
            for way in ways(desk, target, now):
                key = _way_key(way)
                if key not in seen:
                    seen.add(key)
                    drafts.append(self._draft(desk, record, address, way, now))
        return drafts

    def responders(
        self, desk: Desk, record: PageRecord, address: Address, now: datetime
    ) -> list[str]:
        """Who is reached by a step, by their names in the desk's file."""
        targets = record.page.policy.steps[address.step].targets
        found = [_responder(way) for target in targets for way in ways(desk, target, now)]
        return list(dict.fromkeys(found))

    def _draft(
        self, desk: Desk, record: PageRecord, address: Address, way: Way, now: datetime
    ) -> Draft:
        source = f"/notify/{address.round}/{address.step}/{'/'.join(_way_key(way))}"
        draft_id = UUID(derived_id(record.page.id, 0, source=source))
        context = _context(record, address, way)
        if isinstance(way, ToMailbox):
            return self._letter(desk, record, way, context, draft_id, now)
        if isinstance(way, ToPhone):
            lane, channel, target = f"{desk.name}/voice/page", "voice", way.phone
            content = self._call(desk, record, way, draft_id)
        else:
            target = way.receiver.name
            lane, channel = f"{desk.name}/webhook/{target}/page", "webhook"
            body = self._body(desk, record, address, way, draft_id, now)
            content = with_late_link(body, _link(record, way, now))
        return Draft(
            id=draft_id,
            desk=desk.name,
            lane=lane,
            channel=channel,
            kind="page",
            target=target,
            about=record.facts.about,
            content=content,
            context=context,
            cause=record.facts.cause,
            page_id=record.id,
        )

    def _letter(
        self,
        desk: Desk,
        record: PageRecord,
        way: ToMailbox,
        context: dict[str, Any],
        draft_id: UUID,
        now: datetime,
    ) -> Draft:
        """A page as a mail. A page goes out even when the desk's own template can't be filled."""
        mailbox = Mailbox(way.address, way.name, way.zone, way.language, is_outside=False)
        letter = Letter(
            about=record.facts.about,
            cause=record.facts.cause,
            lane=f"{desk.name}/email/page",
            context=context,
            kind="page",
            page_id=record.id,
        )
        values = _page_values(record, self._ack_url(draft_id))
        write = partial(self._composer.letter, desk, mailbox, draft_id=draft_id, now=now)
        try:
            draft = write(desk.template("page", mailbox.language), values, letter)
        except render.RenderFailed:
            draft = write(BUILT_IN["page"]["en"], values, letter)
        return replace(draft, content=with_late_link(draft.content, _link(record, way, now)))

    def _call(self, desk: Desk, record: PageRecord, way: ToPhone, draft_id: UUID) -> dict[str, Any]:
        """What is said on the phone, and where its provider tells us what became of the call."""
        values = {**_page_values(record, ""), "desk": desk_values(desk), "name": way.name}
        base = f"{self._public_url}/voice/{desk.name}/{draft_id}"
        try:
            words = render.render(desk.template("call", way.language), values, way.zone)
        except render.RenderFailed:
            words = render.render(BUILT_IN["call"]["en"], values, way.zone)
        return {
            "from": way.voice.number,
            "twiml": ask_for_a_key(words.text, way.language, f"{base}/key"),
            "status_url": f"{base}/status",
        }

    def _body(
        self,
        desk: Desk,
        record: PageRecord,
        address: Address,
        way: ToReceiver,
        draft_id: UUID,
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
            "acknowledge_url": self._ack_url(draft_id),
            "page_url": f"{self._public_url}/pages/{record.page.id}",
        }

    def _ack_url(self, draft_id: UUID) -> str:
        return f"{self._public_url}/a/{place_of(draft_id)}"


def _link(record: PageRecord, way: Way, now: datetime) -> AckLink:
    return AckLink(record.id, _responder(way), now + LINK_LIFE)


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


def _context(record: PageRecord, address: Address, way: Way) -> dict[str, Any]:
    """What the events of the delivery say."""
    return {
        "policy": record.page.policy.name,
        "why": record.facts.summary,
        "breach_id": str(record.facts.breach_id) if record.facts.breach_id else None,
        "step": address.step,
        "round": address.round,
        "responder": _responder(way),
    }


def _responder(way: Way) -> str:
    if way.person is not None:
        return way.person.name
    match way:
        case ToReceiver(receiver=receiver):
            return receiver.name
        case ToMailbox(address=address):
            return address
        case ToPhone(phone=phone):
            return phone


def _way_key(way: Way) -> tuple[str, str]:
    match way:
        case ToReceiver():
            # Two people behind one receiver are told apart: each has a message of their own.
            return ("webhook", f"{way.receiver.name}/{way.person.name if way.person else ''}")
        case ToMailbox():
            return ("email", way.address)
        case ToPhone():
            return ("voice", way.phone)


def _iso(instant: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds and Z."""
    if instant is None:
        return None
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
