"""The page of a ticket, with what happened to it and what can be done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from markupsafe import Markup

from intake.application.agent_actions import AgentActions
from intake.application.drafts import Drafts
from intake.application.file_store import FIELD, FileStore, by_fact
from intake.application.queue_reader import QueueReader
from intake.application.ticket_search import TicketSearch
from intake.domain.canned_answers import filled
from intake.domain.command_registry import declarations
from intake.domain.commands.conversation import route_of_reply
from intake.domain.commands.milestones import ReachMilestone
from intake.domain.commands.promises import ReviseDue
from intake.domain.commands.services import OfferServices
from intake.domain.desk import Desk, Desks
from intake.domain.mail_states import SentMail, not_reached
from intake.domain.paging import HELD_WORDS
from intake.domain.ticket import RefusalReason, Ticket
from intake.pages.form_values import body_of, form_values
from intake.schemas import BODIES, FactView
from intake.storage.drafts import SENT_AS
from intake.storage.files import Upload
from pledge.events import (
    AgentReplied,
    AgentReplyFailed,
    DueRevised,
    EmailRequested,
    Noted,
    RequesterReplied,
    TicketOpened,
)
from pledge.runtime.auth.access import Principal, Role, require
from pledge.runtime.clock import Clock
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.http.problems import wants_page
from pledge.runtime.http.web import Web
from pledge.runtime.http.web.format import instant, words

Reader = Annotated[Principal, Depends(require(Role.READER))]
Agent = Annotated[Principal, Depends(require(Role.AGENT))]

MAX_FACTS: Final = 500
"""So many of the newest facts stand on a ticket's page; the API gives all."""
NO_WORD_FOR: Final = timedelta(days=2)
"""A mail is sent, refused or given up by then."""
MOVED_ON: Final = f"urn:pledge:problem:{RefusalReason.MOVED_ON}"


@dataclass(frozen=True, slots=True)
class Unsent:
    """A form that was not carried out because somebody else wrote since the ticket had the sequence
    `seen`: its fields by name, kept for the agent."""

    action: str
    values: dict[str, str]
    seen: int
    why: str
    uploads: Sequence[Upload] = ()


class Pages:
    """The routes that answer with HTML."""

    def __init__(
        self,
        web: Web,
        tickets: TicketSearch,
        queue: QueueReader,
        actions: AgentActions,
        desks: Desks,
        files: FileStore,
        drafts: Drafts,
        clock: Clock,
    ) -> None:
        self._drafts, self._clock = drafts, clock
        self._web = web
        self._tickets = tickets
        self._queue = queue
        self._actions = actions
        self._desks = desks
        self._files = files
        self.router = APIRouter(include_in_schema=False)
        add = self.router.add_api_route
        add("/ticket/{ref}", self.ticket_page, methods=["GET"])
        add("/ticket/{ref}/drafts/{kind}", self.save_draft, methods=["POST"])
        add("/ticket/{ref}/{action}", self.act, methods=["POST"])

    async def ticket_page(self, request: Request, ref: str, principal: Reader) -> Response:
        """A ticket, its facts and what can be done with it."""
        return await self._shown(request, ref, principal)

    async def _shown(
        self, request: Request, ref: str, principal: Principal, unsent: Unsent | None = None
    ) -> Response:
        ticket = await self._tickets.find(ref, principal)
        facts = await self._tickets.facts(ticket, max(0, ticket.sequence - MAX_FACTS), MAX_FACTS)
        desk = self._desks.by_id.get(ticket.desk)
        zone = desk.zone if desk else "UTC"
        mails = await self._tickets.mails(ticket)
        own, writing = await self._drafts.of_ticket(ticket, principal.subject)
        return self._web.page(
            request,
            "ticket.html",
            status=409 if unsent else 200,
            unsent=unsent,
            desk=ticket.desk,
            zone=zone,
            ticket=ticket,
            facts=_described(facts, zone, mails, self._clock.now()),
            not_reached=not_reached(mails),
            drafts=own,
            writing=writing,
            files=by_fact([self._files.view(each) for each in await self._files.list(ticket)]),
            severities=desk.severities if desk else (),
            levels=desk.levels if desk else (),
            priorities=desk.priorities if desk else (),
            milestones=desk.milestones if desk else (),
            revisable=desk.revisable if desk else (),
            teams=desk.teams if desk else (),
            matrix=desk.matrix if desk else None,
            route=route_of_reply(ticket),
            canned=[
                (each.title, filled(each, _values_of(ticket, principal.subject)))
                for each in (desk.canned_answers if desk else ())
            ],
            similar=await self._tickets.similar(ticket),
            people=await self._queue.people(frozenset((ticket.desk,))),
            plans=desk.plans if desk else (),
            services=desk.services.services if desk else (),
            actions=_possible(ticket, desk) if principal.may(ticket.desk, Role.AGENT) else [],
        )

    async def act(self, request: Request, ref: str, action: str, principal: Agent) -> Response:
        """Do what a form of the ticket's page says, and show the page again."""
        body = BODIES.get(action)
        if body is None:
            raise HttpProblem(404, "there is no such form")
        ticket = await self._tickets.find(ref, principal)
        desk = self._desks.by_id.get(ticket.desk)
        zone = ZoneInfo(desk.zone if desk else "UTC")
        form = await request.form()
        values = form_values(form.items(), frozenset(body.model_fields), zone)
        uploads: Sequence[Upload] = ()
        if desk is not None and FIELD in body.model_fields:
            uploads = await self._files.from_form(form, desk, ticket.id, principal.subject)
            values[FIELD] = [each.id for each in uploads]
        command = body_of(action, values)
        try:
            shown = await self._actions.act(ref, principal, command, ends_draft=action in SENT_AS)
        except HttpProblem as problem:
            if problem.type != MOVED_ON or command.seen is None:
                raise
            written = {name: text for name, text in form.items() if isinstance(text, str)}
            unsent = Unsent(
                action, written, command.seen, problem.detail.partition(";")[0], uploads
            )
            return await self._shown(request, ref, principal, unsent)
        return RedirectResponse(f"/ticket/{shown.id}", status_code=303)

    async def save_draft(self, request: Request, ref: str, kind: str, principal: Agent) -> Response:
        """Keep what a form of the ticket's page holds. A browser's script gets no content, or 409
        if it was sent meanwhile; the form's own button leads back to the page."""
        ticket = await self._tickets.find(ref, principal)
        form = await request.form()
        text, seen = str(form.get("text", "")), str(form.get("seen_by_draft", ""))
        if not (seen.isascii() and seen.isdecimal() and len(seen) < 10):
            raise HttpProblem(422, "the form lacks what the page showed; load the page again")
        is_kept = await self._drafts.save(ticket, principal.subject, kind, text, int(seen))
        if wants_page(request):
            return RedirectResponse(f"/ticket/{ticket.id}", status_code=303)
        return Response(status_code=204 if is_kept else 409)


def _values_of(ticket: Ticket, agent: str) -> dict[str, str | None]:
    """What canned answers may name of the ticket."""
    assignee = ticket.assignee
    return {
        "ticket": ticket.number,
        "subject": ticket.subject_line,
        "requester": ticket.requester.name,
        "address": ticket.requester.email,
        "customer": ticket.customer,
        "product": ticket.product,
        "assignee": (assignee.name or assignee.id) if assignee else None,
        "agent": agent,
    }


def _possible(ticket: Ticket, desk: Desk | None) -> list[str]:
    """The actions that are allowed and have something to be done with; the page shows those that
    have a form."""
    is_idle = {
        OfferServices.action: desk is None or not desk.services.services,
        ReachMilestone.action: desk is None or not desk.milestones,
        ReviseDue.action: desk is None or not desk.revisable,
    }
    return [
        action
        for action in ticket.allowed
        if (declared := declarations()[action]).applies_to(ticket)
        and not declared.is_internal
        and not is_idle.get(action)
    ]


_VALUES: Final = {
    "severity": "severity", "priority": "priority", "impact": "impact", "urgency": "urgency",
    "channel": "channel", "why": "why",
    "reason": "reason", "to": "to", "template": "template", "stage": "stage", "owner": "owner",
    "recipient": "to", "detail": "detail", "into_number": "into", "source_number": "from",
    "new_number": "as", "place": "place", "title": "which", "metric": "promise", "team": "team",
}  # fmt: skip
_FLAGS: Final = {
    "is_urgent": "urgent",
    "is_initial_response": "initial response",
    "reached": "reached",
    "fixed_in_release": "fixed in a future release",
    "known_incident": "known incident",
}


_TRUST: Final = {
    "passed": "sender checked",
    "failed": "sender forged, says our mail border",
    "none": "sender not checked",
}
_VOICES: Final = {
    Noted.TYPE: "within",
    AgentReplied.TYPE: "ours",
    TicketOpened.TYPE: "theirs",
    RequesterReplied.TYPE: "theirs",
}
"""Who speaks in a fact: notes within the desk are told apart from what the requester reads."""


def _described(
    facts: Sequence[FactView], zone: str, mails: Sequence[SentMail], now: datetime
) -> list[tuple[FactView, dict[str, Any]]]:
    """The facts with their words; a reply that did not reach the requester says so, and one that
    asks for a mail what became of it. Mails of long ago without a word are from before there was
    one."""
    failed = {fact.data.get("takes_back") for fact in facts if fact.type == AgentReplyFailed.TYPE}
    found = [(fact, describe(fact, zone)) for fact in facts]
    for fact, words_of in found:
        words_of["is_lost"] = fact.sequence in failed
        is_mail = fact.type == EmailRequested.TYPE
        mail = fact.data.get("email_id") if is_mail else None
        words_of["mails"] = [each for each in mails if str(each.email_id) == mail]
        is_new = now - fact.occurred_at < NO_WORD_FOR
        words_of["has_no_word"] = is_mail and is_new and not words_of["mails"]
    return found


def describe(fact: FactView, zone: str) -> dict[str, Any]:
    """A fact in words for the timeline: what, by whom, and the text if there is one."""
    data = fact.data
    name = fact.type.removeprefix("pledge.ticket.").rpartition(".")[0].replace("_", " ")
    person = data.get("by") or data.get("agent") or data.get("requester") or {}
    who = person.get("name") or person.get("id") or person.get("email") or person.get("phone")
    details = [
        f"{label}: {data[key]}"
        for key, label in _VALUES.items()
        if data.get(key) and isinstance(data[key], str)
    ]
    if fact.type != EmailRequested.TYPE:  # there it says how soon the mail goes out
        details += [label for key, label in _FLAGS.items() if data.get(key) is True]
    if held := HELD_WORDS.get(str(data.get("page_held"))):
        details.append(held)
    if data.get("missing"):
        details.append(f"missing: {words(', '.join(data['missing']))}")
    if until := data.get("next_update_by"):
        by = instant(datetime.fromisoformat(until), zone)
        details.append(Markup("next update by: {}").format(by))
    if fact.type == DueRevised.TYPE:
        agreed = data.get("due_at")
        due = instant(datetime.fromisoformat(agreed), zone) if agreed else "no longer agreed"
        details.append(Markup("due: {}").format(due))
    kept = (data.get(each) for each in ("text", "resolution", "outcome", "note"))
    text = fact.text or next((each for each in kept if each), "")
    if fact.type == EmailRequested.TYPE:
        text = ""  # the reply that it carries stands right above
    return {
        "what": name,
        "who": who or "",
        "address": person.get("email") if person.get("email") != who else "",
        "trust": _TRUST.get(str((data.get("authentication") or {}).get("result")), ""),
        "voice": _VOICES.get(fact.type, ""),
        "details": details,
        "text": text,
    }
