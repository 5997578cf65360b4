"""Pages that a mailed link opens, without signing in: a rating (INF-10), an offer of services
(VIR-15). Looking at one changes nothing, since mail scanners look; only its form does."""

from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Form, Request
from fastapi.responses import Response
from pydantic import StringConstraints

from intake.application.submissions import MAX_CASE_TEXT, Submissions
from intake.application.ticket_commands import TicketCommands
from intake.domain.commands.services import ConfirmServices
from intake.domain.rating import delivery_of
from intake.domain.requester_links import LinkKind
from intake.domain.services import Offer, OfferState
from intake.domain.text import paragraphs
from intake.domain.ticket import Refusal, Ticket
from intake.portal.access import actor_of
from intake.storage import queries
from pledge.events import Authentication, FeedbackSubmitted
from pledge.runtime.auth.session import check_form
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.http.web import Web

_Text = Annotated[str, StringConstraints(max_length=MAX_CASE_TEXT), Form()]


class SignedPages:
    """Routes whose address is their own permission: a signed token for one thing on one ticket."""

    def __init__(
        self, web: Web, pool: asyncpg.Pool, commands: TicketCommands, submissions: Submissions
    ) -> None:
        self._web = web
        self._pool = pool
        self._commands = commands
        self._submissions = submissions
        self.router = APIRouter(include_in_schema=False)
        add = self.router.add_api_route
        add("/ratings/{desk}/{token}", self.show_rating, methods=["GET"])
        add("/ratings/{desk}/{token}", self.rate, methods=["POST"])
        add("/offers/{desk}/{token}", self.show_offer, methods=["GET"])
        add("/offers/{desk}/{token}", self.answer_offer, methods=["POST"])

    async def show_rating(self, request: Request, desk: str, token: str) -> Response:
        """Five buttons, and room for words."""
        ticket, _ = await self._find(LinkKind.RATING, desk, token)
        return self._page(request, ticket, "my_rating.html", is_taken=False)

    async def rate(
        self,
        request: Request,
        desk: str,
        token: str,
        rating: Annotated[Literal["1", "2", "3", "4", "5"], Form()],
        text: _Text = "",
    ) -> Response:
        """Take the rating in the requester's name; of a link used twice the first counts."""
        await check_form(request)
        ticket, rating_id = await self._find(LinkKind.RATING, desk, token)
        now = self._commands.clock.now()
        await self._submissions.take(
            FeedbackSubmitted(
                desk=ticket.desk,
                occurred_at=now,
                recorded_at=now,
                delivery=delivery_of(rating_id),
                conversation=str(ticket.id),
                authentication=Authentication(result="passed", method="signed-link"),
                ticket_id=ticket.id,
                requester=ticket.requester,
                rating=int(rating),
                text=paragraphs(text, MAX_CASE_TEXT),
            )
        )
        return self._page(request, ticket, "my_rating.html", is_taken=True)

    async def show_offer(self, request: Request, desk: str, token: str) -> Response:
        """The offer with its price, and two buttons."""
        ticket, offer = await self._find_offer(desk, token)
        return self._page(request, ticket, "my_offer.html", offer=offer, refusal=None)

    async def answer_offer(
        self,
        request: Request,
        desk: str,
        token: str,
        answer: Annotated[Literal["accept", "decline"], Form()],
    ) -> Response:
        """Accept or decline in the requester's name, and show how it stands then."""
        await check_form(request)
        ticket, offer = await self._find_offer(desk, token)
        refusal = None
        if offer.state is OfferState.OFFERED:
            by = actor_of(ticket.requester)
            command = ConfirmServices(answer == "accept", offer.id)
            decision = await self._commands.do(ticket.id, command, by, None)
            refusal = decision.detail if isinstance(decision, Refusal) else None
        ticket, offer = await self._find_offer(desk, token)
        return self._page(request, ticket, "my_offer.html", offer=offer, refusal=refusal)

    def _page(self, request: Request, ticket: Ticket, template: str, **context: Any) -> Response:
        desk, asker = self._commands.desks[ticket.desk], ticket.requester
        zone = desk.zone_of(asker.email, asker.zone)
        return self._web.page(
            request, template, portal=desk, person=None, language=desk.language or "en",
            ticket=ticket, zone=zone, **context,
        )  # fmt: skip

    async def _find_offer(self, desk: str, token: str) -> tuple[Ticket, Offer]:
        ticket, offer_id = await self._find(LinkKind.OFFER, desk, token)
        offer = next((each for each in ticket.offers if each.id == offer_id), None)
        if offer is None:
            raise HttpProblem(404, "this offer is not there any more")
        return ticket, offer

    async def _find(self, kind: LinkKind, desk: str, token: str) -> tuple[Ticket, UUID]:
        """The ticket and the thing that the token names. Raises HttpProblem for none of ours."""
        links = self._commands.links
        named = links.read(desk, token, kind) if links and desk in self._commands.desks else None
        if named is not None:
            async with self._pool.acquire() as connection:
                found = await queries.by_id(connection, named[0])
            if found and found[0].desk == desk:
                return found[0], named[1]
        raise HttpProblem(404, "this link is none of ours, or no longer")
