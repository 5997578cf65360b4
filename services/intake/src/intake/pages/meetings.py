"""The page where a requester answers a proposed meeting, without signing in (SIG-07)."""

from typing import Annotated, Literal

import asyncpg
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from intake.application.ticket_commands import TicketCommands
from intake.domain.commands.meetings import AgreeMeeting, CancelMeeting
from intake.domain.ticket import Refusal, Ticket
from intake.domain.ticket_parts import Meeting, MeetingState
from intake.domain.windows import conflict
from intake.storage import queries
from pledge.events import Actor
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.http.web import Web

Answer = Annotated[Literal["accept", "decline"], Form()]


class MeetingPages:
    """Routes whose address is their own permission: a signed token for one meeting."""

    def __init__(self, web: Web, pool: asyncpg.Pool, commands: TicketCommands) -> None:
        self._web = web
        self._pool = pool
        self._commands = commands
        self.router = APIRouter(include_in_schema=False)
        self.router.add_api_route("/meetings/{desk}/{token}", self.show, methods=["GET"])
        self.router.add_api_route("/meetings/{desk}/{token}", self.answer, methods=["POST"])

    async def show(self, request: Request, desk: str, token: str) -> Response:
        """The proposal, with two buttons. Looking at it changes nothing: mail scanners do."""
        ticket, meeting = await self._find(desk, token)
        return self._page(request, ticket, meeting)

    async def answer(self, request: Request, desk: str, token: str, answer: Answer) -> Response:
        """Accept or decline in the requester's name, and show how it stands then."""
        ticket, meeting = await self._find(desk, token)
        asker = ticket.requester
        by = Actor(
            kind="requester",
            id=asker.email or asker.phone or asker.chat or "requester",
            name=asker.name,
        )
        command = (
            AgreeMeeting(meeting.id)
            if answer == "accept"
            else CancelMeeting("The requester declined.", meeting.id)
        )
        refusal = None
        if meeting.state is MeetingState.PROPOSED:
            decision = await self._commands.do(ticket.id, command, by, None)
            refusal = decision if isinstance(decision, Refusal) else None
        ticket, meeting = await self._find(desk, token)
        return self._page(request, ticket, meeting, refusal)

    def _page(
        self, request: Request, ticket: Ticket, meeting: Meeting, refusal: Refusal | None = None
    ) -> Response:
        desk, asker = self._commands.desks[ticket.desk], ticket.requester
        return self._web.page(
            request,
            "meeting.html",
            portal=desk,
            person=None,
            language="en",
            ticket=ticket,
            meeting=meeting,
            window=conflict(ticket.windows, meeting.starts_at, meeting.ends_at),
            zone=desk.zone_of(asker.email, asker.zone),
            refusal=refusal.detail if refusal else None,
        )

    async def _find(self, desk: str, token: str) -> tuple[Ticket, Meeting]:
        links = self._commands.links
        named = links.read(desk, token) if links and desk in self._commands.desks else None
        if named is not None:
            async with self._pool.acquire() as connection:
                tickets = await queries.by_id(connection, named[0])
            for ticket in tickets:
                for meeting in ticket.meetings:
                    if meeting.id == named[1] and ticket.desk == desk:
                        return ticket, meeting
        detail = (
            "this link is not complete, or its meeting is no longer kept; answer our mail instead"
        )
        raise HttpProblem(404, detail, title="This link does not work")
