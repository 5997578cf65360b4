"""The portal's pages for requesters (INF-08): sign in by a mailed link, see one's requests and what
became of them, answer, open new ones. Nobody sees more than their own requests, or, as
administrator of a customer, that customer's; never what is said within the desk."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated, Final, Literal
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import StringConstraints

from intake.application.file_store import FileStore, by_fact
from intake.application.submissions import MAX_CASE_TEXT, Submissions, visitor
from intake.domain.command_registry import FINISHED
from intake.domain.desk import Desk
from intake.domain.history import TYPES, Entry, entry
from intake.domain.promises_shown import Told, told
from intake.domain.text import paragraphs
from intake.domain.ticket import Ticket
from intake.portal.access import COOKIE, PortalAccess, administered, contact_of, submitted
from intake.portal.fields import FIELD, asked_for, read_fields
from intake.portal.tokens import Person
from intake.storage import promises, queries
from intake.storage.store import requester_key
from pledge.events import FeedbackSubmitted, ReplySubmitted
from pledge.events.addresses import normal_address
from pledge.runtime.auth.session import check_form
from pledge.runtime.clock import Clock
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.http.rate_limit import RateLimit
from pledge.runtime.ids import Ids

PAGE_SIZE: Final = 50
MAX_FACTS: Final = 500
SEE_OTHER: Final = 303

_Token = Annotated[str, StringConstraints(max_length=600)]
_Address = Annotated[str, StringConstraints(max_length=320)]
_Text = Annotated[str, StringConstraints(max_length=MAX_CASE_TEXT)]


class Portal:
    """The routes under /my/<desk>."""

    def __init__(
        self,
        access: PortalAccess,
        submissions: Submissions,
        limit: RateLimit,
        files: FileStore,
        *,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._access = access
        self._pool = access.pool
        self._sign_ins = access.sign_ins
        self._submissions = submissions
        self._limit = limit
        self._files = files
        self._clock = clock
        self._ids = ids
        self.router = APIRouter(include_in_schema=False)
        add = self.router.add_api_route
        add("/my/{desk}", self.home, methods=["GET"])
        add("/my/{desk}/link", self.send_link, methods=["POST"])
        add("/my/{desk}/enter", self.show_enter, methods=["GET"])
        add("/my/{desk}/enter", self.enter, methods=["POST"])
        add("/my/{desk}/leave", self.leave, methods=["POST"])
        add("/my/{desk}/{number}", self.show_ticket, methods=["GET"])
        add("/my/{desk}/{number}/reply", self.reply, methods=["POST"])
        add("/my/{desk}/{number}/feedback", self.feedback, methods=["POST"])

    # ---- signing in ----

    async def home(
        self,
        request: Request,
        desk: str,
        before: UUID | None = None,
        sent: Annotated[str, Query(max_length=10)] = "",
    ) -> Response:
        """The person's requests, or the form to sign in."""
        known = self._access.desk(desk)
        person = await self._access.person(request, known)
        if person is None:
            return self._access.page(
                request, known, None, "my_sign_in.html", problem=None, is_sent=False
            )
        names = administered(known, person)
        async with self._pool.acquire() as connection:
            found = await queries.of_person(
                connection, desk, person.address, names, before, PAGE_SIZE
            )
            stands = await _stands(connection, known, found[:PAGE_SIZE])
        following = found[PAGE_SIZE - 1].id if len(found) > PAGE_SIZE else None
        return self._access.page(
            request, known, person, "my_tickets.html",
            tickets=found[:PAGE_SIZE], following=following, customers=names, stands=stands,
            is_sent=bool(sent),
        )  # fmt: skip

    async def send_link(
        self, request: Request, desk: str, email: Annotated[_Address, Form()] = ""
    ) -> Response:
        """Mail a link. The answer is the same whether or not the address is known."""
        await check_form(request)
        known = self._access.desk(desk)
        address = normal_address(email.strip())
        if address is None:
            problem = "That is no mail address: write it like ann@example.com"
            return self._access.page(
                request, known, None, "my_sign_in.html", status=422, problem=problem, is_sent=False
            )
        if not self._sign_ins.are_mailed:
            raise HttpProblem(503, "nobody can sign in here: PLEDGE_INTAKE_PUBLIC_URL is not set")
        self._limit.take(visitor(request))
        await self._sign_ins.ask(Person(desk, address))
        return self._access.page(
            request, known, None, "my_sign_in.html", problem=None, is_sent=True
        )

    async def show_enter(
        self, request: Request, desk: str, token: Annotated[_Token, Query()] = ""
    ) -> Response:
        """What the mailed link opens. It uses nothing up: programs look at links before people."""
        return self._access.page(
            request, self._access.desk(desk), None, "my_enter.html", token=token
        )

    async def enter(
        self, request: Request, desk: str, token: Annotated[_Token, Form()] = ""
    ) -> Response:
        """Use the link and sign in."""
        await check_form(request)
        known = self._access.desk(desk)
        session = await self._sign_ins.use(desk, token)
        if session is None:
            problem = "This link was used already or is too old. Ask for a new one:"
            return self._access.page(
                request, known, None, "my_sign_in.html", status=403, problem=problem, is_sent=False
            )
        value, lasts = session
        response = RedirectResponse(f"/my/{desk}", status_code=SEE_OTHER)
        self._keep(response, desk, value, lasts)
        return response

    async def leave(self, request: Request, desk: str) -> Response:
        """Sign out: the session is over, wherever its cookie is."""
        await check_form(request)
        self._access.desk(desk)
        await self._sign_ins.leave(desk, request.cookies.get(COOKIE))
        response = RedirectResponse(f"/my/{desk}", status_code=SEE_OTHER)
        self._keep(response, desk, "", timedelta(0))
        return response

    # ---- requests ----

    async def show_ticket(
        self,
        request: Request,
        desk: str,
        number: str,
        sent: Annotated[str, Query(max_length=10)] = "",
    ) -> Response:
        """One request: where it stands, what was said, and a form to answer."""
        known = self._access.desk(desk)
        person = await self._access.person(request, known)
        if person is None:
            return RedirectResponse(f"/my/{desk}", status_code=SEE_OTHER)
        ticket = await self._access.find(known, person, number)
        async with self._pool.acquire() as connection:
            # The newest, and only theirs: what strangers can add, links to sign in, hides nothing.
            rows = await queries.newest_facts(connection, ticket.id, list(TYPES), MAX_FACTS)
            stands = await _stands(connection, known, [ticket])
        asker = ticket.requester
        own = asker.zone if requester_key(asker) == person.address else None
        zone = known.zone_of(person.address, own)
        history = [_entry(row, zone) for row in rows]
        return self._access.page(
            request, known, person, "my_ticket.html",
            ticket=ticket,
            zone=zone,
            story=[each for each in history if each is not None],
            files=by_fact([self._files.view(each) for each in await self._files.list(ticket)]),
            missing=asked_for(known, ticket),
            stands=stands.get(ticket.id, ()),
            is_finished=ticket.state in FINISHED,
            is_sent=bool(sent),
            field=FIELD,
        )  # fmt: skip

    async def reply(
        self, request: Request, desk: str, number: str, text: Annotated[_Text, Form()] = ""
    ) -> Response:
        """Take an answer; it is on the ticket within a moment."""
        await check_form(request)
        known = self._access.desk(desk)
        person = await self._access.signed_in(request, known)
        ticket = await self._access.find(known, person, number)
        fields = await read_fields(request, asked_for(known, ticket))
        form = await request.form()
        uploads = await self._files.from_form(form, known, ticket.id, person.address)
        if not text.strip() and not fields and not uploads:
            raise HttpProblem(422, "write something, or press Back")
        await self._submissions.take(
            ReplySubmitted(
                **submitted(person, self._clock.now(), self._ids, str(ticket.id)),
                ticket_id=ticket.id,
                requester=contact_of(person, ticket),
                text=paragraphs(text, MAX_CASE_TEXT),
                fields=fields,
                attachments=tuple(each.ref for each in uploads),
            )
        )
        return RedirectResponse(f"/my/{desk}/{ticket.number}?sent=yes", status_code=SEE_OTHER)

    async def feedback(
        self,
        request: Request,
        desk: str,
        number: str,
        text: Annotated[_Text, Form()] = "",
        rating: Annotated[Literal["", "1", "2", "3", "4", "5"], Form()] = "",
        is_complaint: Annotated[bool, Form()] = False,
    ) -> Response:
        """Take a rating, praise or a complaint about a request, also a closed one (INF-11)."""
        await check_form(request)
        known = self._access.desk(desk)
        person = await self._access.signed_in(request, known)
        ticket = await self._access.find(known, person, number)
        if not text.strip() and not rating:
            raise HttpProblem(422, "choose a rating or write something, or press Back")
        await self._submissions.take(
            FeedbackSubmitted(
                **submitted(person, self._clock.now(), self._ids, str(ticket.id)),
                ticket_id=ticket.id,
                requester=contact_of(person, ticket),
                rating=int(rating) if rating else None,
                text=paragraphs(text, MAX_CASE_TEXT),
                is_complaint=is_complaint,
            )
        )
        return RedirectResponse(f"/my/{desk}/{ticket.number}?sent=yes", status_code=SEE_OTHER)

    # ---- parts ----

    def _keep(self, response: Response, desk: str, value: str, lasts: timedelta) -> None:
        response.set_cookie(
            COOKIE, value, max_age=int(lasts.total_seconds()), path=f"/my/{desk}",
            secure=self._access.web.is_secure, httponly=True, samesite="lax",
        )  # fmt: skip


async def _stands(
    connection: asyncpg.Connection, desk: Desk, tickets: Sequence[Ticket]
) -> dict[UUID, tuple[Told, ...]]:
    """How the promises that the desk shows stand on each of the tickets."""
    if not desk.promises.shown:
        return {}
    known = await promises.of_tickets(connection, [each.id for each in tickets])
    return {
        each.id: told(desk.promises, known.get(each.id, ()), each.state, each.missing)
        for each in tickets
    }


def _entry(row: asyncpg.Record, zone: str) -> Entry | None:
    at: datetime = row["occurred_at"]
    found = entry(row["type"], at, queries.data_of(row), row["text"], zone)
    return replace(found, sequence=row["sequence"]) if found else None
