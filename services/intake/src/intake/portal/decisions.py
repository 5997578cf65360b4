"""What people who are signed in decide on their tickets, besides answering."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from intake.application.ticket_commands import TicketCommands
from intake.domain.command_registry import Command
from intake.domain.commands.participants import ChangeParticipants
from intake.domain.commands.services import ConfirmServices
from intake.domain.ticket import Refusal, Ticket
from intake.portal.access import PortalAccess, actor_of, contact_of
from pledge.events import Contact
from pledge.events.addresses import normal_address
from pledge.runtime.auth.session import check_form
from pledge.runtime.http.app import HttpProblem

SEE_OTHER = 303


class Decisions:
    """The routes under /my/<desk>/<number> that change a ticket at once."""

    def __init__(self, access: PortalAccess, commands: TicketCommands) -> None:
        self._access = access
        self._commands = commands
        self.router = APIRouter(include_in_schema=False)
        add = self.router.add_api_route
        add("/my/{desk}/{number}/participants", self.change_participants, methods=["POST"])
        add("/my/{desk}/{number}/offers", self.answer_offer, methods=["POST"])

    async def answer_offer(
        self,
        request: Request,
        desk: str,
        number: str,
        offer: Annotated[UUID, Form()],
        answer: Annotated[Literal["accept", "decline"], Form()],
    ) -> Response:
        """Confirm billable work, or decline it (VIR-15)."""
        ticket, who = await self._ticket(request, desk, number)
        return await self._do(desk, ticket, ConfirmServices(answer == "accept", offer, who), who)

    async def change_participants(
        self,
        request: Request,
        desk: str,
        number: str,
        add: Annotated[str, Form(max_length=320)] = "",
        remove: Annotated[str, Form(max_length=320)] = "",
    ) -> Response:
        """Bring a colleague into copy, or leave one out (SIG-03)."""
        ticket, who = await self._ticket(request, desk, number)
        joining, leaving = normal_address(add.strip()), remove.strip().lower()
        if joining is None and add.strip():
            raise HttpProblem(422, "that is no mail address: write it like ann@example.com")
        command = ChangeParticipants((joining,) if joining else (), (leaving,) if leaving else ())
        return await self._do(desk, ticket, command, who)

    async def _ticket(self, request: Request, desk: str, number: str) -> tuple[Ticket, Contact]:
        """The ticket of the form, and who is signed in."""
        await check_form(request)
        known = self._access.desk(desk)
        person = await self._access.signed_in(request, known)
        ticket = await self._access.find(known, person, number)
        return ticket, contact_of(person, ticket)

    async def _do(self, desk: str, ticket: Ticket, command: Command, who: Contact) -> Response:
        """Carry the command out, and show the ticket. Raises HttpProblem for a refusal."""
        decision = await self._commands.do(ticket.id, command, actor_of(who), None)
        if isinstance(decision, Refusal):
            raise HttpProblem(409, decision.detail)
        return RedirectResponse(f"/my/{desk}/{ticket.number}", status_code=SEE_OTHER)
