"""The tickets' API for agents and readers."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import RedirectResponse, Response

from intake.application.agent_actions import AgentActions
from intake.application.file_store import FileStore
from intake.application.ticket_search import TicketSearch
from intake.domain.command_registry import State
from intake.domain.misuse import MisuseState
from intake.schemas import (
    BODIES,
    CommandBody,
    FactPage,
    ForClientBody,
    MailList,
    MailView,
    TicketPage,
    TicketView,
    view,
)
from intake.storage import queries
from pledge.runtime.auth.access import Principal, Role, require
from pledge.runtime.http.app import HttpProblem
from pledge.runtime.http.idempotency import IdempotencyKey
from pledge.runtime.http.problems import wants_page

MAX_PAGE: Final = 200

Reader = Annotated[Principal, Depends(require(Role.READER))]
Agent = Annotated[Principal, Depends(require(Role.AGENT))]

_Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
_Words = Annotated[str | None, Query(min_length=1, max_length=200)]


class Api:
    """The routes of the agents' API."""

    def __init__(self, tickets: TicketSearch, actions: AgentActions, files: FileStore) -> None:
        self._tickets = tickets
        self._actions = actions
        self._files = files
        self.router = APIRouter(tags=["tickets"])
        add = self.router.add_api_route
        add("/tickets", self.list_tickets, methods=["GET"])
        add("/tickets", self.open_ticket, methods=["POST"], status_code=201)
        add("/misuse", self.list_misuse, methods=["GET"])
        add("/tickets/{ref}", self.show_ticket, methods=["GET"], response_model=TicketView)
        add("/tickets/{ref}/facts", self.list_facts, methods=["GET"])
        add("/tickets/{ref}/mails", self.list_mails, methods=["GET"])
        add("/attachments/{desk}/{sha256}", self.get_attachment, methods=["GET"])
        for action, body in BODIES.items():
            add(
                f"/tickets/{{ref}}/{action}",
                self._command(body),
                methods=["POST"],
                name=action.replace("-", "_"),
                summary=_summary(action),
                description=body.__doc__,
                response_model=TicketView,
            )

    async def list_tickets(
        self,
        principal: Reader,
        desk: Annotated[list[str] | None, Query()] = None,
        state: Annotated[list[State] | None, Query()] = None,
        severity: Annotated[list[str] | None, Query()] = None,
        q: _Words = None,
        cursor: Annotated[UUID | None, Query()] = None,
        limit: _Limit = 50,
    ) -> TicketPage:
        """Tickets, newest first. `q` is a number, the beginning of a requester's address, or words
        of what was written, of names and addresses, each at least by its beginning."""
        search = queries.Search(_desks(principal, desk), state, severity, q, cursor, limit)
        found, following = await self._tickets.search(search)
        return TicketPage(items=[view(each) for each in found], next=following)

    async def list_misuse(
        self,
        principal: Reader,
        desk: Annotated[list[str] | None, Query()] = None,
        state: MisuseState | None = None,
        cursor: Annotated[UUID | None, Query()] = None,
        limit: _Limit = 50,
    ) -> TicketPage:
        """Tickets on which the misuse of a line is recorded, newest first, for the fee that a
        person may charge (SMS-05). `state`: recorded (nobody decided yet), confirmed, dismissed."""
        found, following = await self._tickets.misused(
            _desks(principal, desk), state, cursor, limit
        )
        return TicketPage(items=[view(each) for each in found], next=following)

    async def show_ticket(
        self, request: Request, ref: str, principal: Reader
    ) -> TicketView | Response:
        """The ticket of an id or number. A browser is sent to its page."""
        ticket = await self._tickets.find(ref, principal)
        if wants_page(request):
            return RedirectResponse(f"/ticket/{ticket.id}", status_code=303)
        return view(ticket)

    async def list_mails(self, ref: str, principal: Reader) -> MailList:
        """What became of the ticket's mails: taken by a mail server, refused, or come back."""
        ticket = await self._tickets.find(ref, principal)
        mails = await self._tickets.mails(ticket)
        found = [MailView.model_validate(each, from_attributes=True) for each in mails]
        return MailList(items=found)

    async def list_facts(
        self,
        ref: str,
        principal: Reader,
        cursor: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
        limit: _Limit = 100,
    ) -> FactPage:
        """What happened to the ticket, in order."""
        ticket = await self._tickets.find(ref, principal)
        facts = await self._tickets.facts(ticket, cursor, limit)
        is_more = len(facts) == limit and facts[-1].sequence < ticket.sequence
        return FactPage(items=facts, next=str(facts[-1].sequence) if is_more else None)

    async def get_attachment(
        self,
        desk: str,
        sha256: str,
        principal: Reader,
        name: Annotated[str, Query(max_length=1_000)] = "",
    ) -> Response:
        """A file of the desk by its content, as a download under `name`. `GET /tickets/{ref}/files`
        lists those of a ticket."""
        if not principal.may(desk):
            raise HttpProblem(404, "there is no such file")
        return await self._files.by_hash(desk, sha256, name)

    def _command(self, body: type[CommandBody]) -> Callable[..., Coroutine[Any, Any, TicketView]]:
        async def command(
            ref: str, principal: Agent, body: CommandBody, key: IdempotencyKey = None
        ) -> TicketView:
            return view(await self._actions.act(ref, principal, body, key))

        # FastAPI reads the annotations: each action has a body of its own.
        command.__annotations__["body"] = body
        return command

    async def open_ticket(
        self, body: ForClientBody, principal: Agent, key: IdempotencyKey = None
    ) -> TicketView:
        """Open a ticket on a client's behalf (SIG-09); gives it."""
        return view(await self._actions.open_ticket(body, principal, key))


def _desks(principal: Principal, asked: list[str] | None) -> frozenset[str] | None:
    if asked is None:
        return principal.desks
    return principal.only(frozenset(asked))


def _summary(action: str) -> str:
    return action.replace("-", " ").capitalize()
