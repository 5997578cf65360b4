"""The tickets' API for agents and readers."""

import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Final
from uuid import UUID

import asyncpg
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import RedirectResponse, Response

from intake.api.relation_schemas import BODIES, ForClientBody
from intake.api.schemas import FactPage, FactView, TicketPage, TicketView, Told, view
from intake.application.idempotency import asked
from intake.application.ticket_commands import Agents, TicketUnknown
from intake.application.ticket_relations import CaseWork
from intake.domain.commands import Action
from intake.domain.misuse import MisuseState
from intake.domain.relation_commands import FollowUp, Merge, Split
from intake.domain.ticket import Refusal, RefusalReason, State, Ticket
from intake.storage import queries, store
from pledge.events import Actor, Malformed
from pledge.runtime.auth.access import Principal, Role, require
from pledge.runtime.http.app import FieldProblem, HttpProblem
from pledge.runtime.http.problems import wants_page

MAX_PAGE: Final = 200
_UUID: Final = re.compile(r"^[0-9a-fA-F-]{36}$")

Reader = Annotated[Principal, Depends(require(Role.READER))]
Agent = Annotated[Principal, Depends(require(Role.AGENT))]

_Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
_Words = Annotated[str | None, Query(min_length=1, max_length=200)]
_Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key", min_length=1, max_length=200,
        description="The same command sent again under the same key is done once; another command "
        "under it is refused.",
    ),
]  # fmt: skip


class Tickets:
    """Finds tickets for whoever may see them."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def find(self, ref: str, principal: Principal) -> Ticket:
        """The ticket of an id or number. A ticket of another desk is as good as none."""
        async with self._pool.acquire() as connection:
            if _UUID.match(ref):
                tickets = await queries.by_id(connection, _uuid(ref))
            else:
                tickets = await queries.by_number(connection, ref.upper())
        seen = [each for each in tickets if principal.may(each.desk)]
        if not seen:
            raise _no_ticket(ref)
        if len(seen) > 1:
            desks = ", ".join(each.desk for each in seen)
            told = f"{ref} is a ticket of {desks}; ask with the ticket's id"
            raise HttpProblem(409, told)
        return seen[0]

    async def search(self, search: queries.Search) -> tuple[list[Ticket], str | None]:
        """A page of tickets, newest first, and the cursor of the next."""
        async with self._pool.acquire() as connection:
            found = await queries.search(connection, search)
        if len(found) <= search.limit:
            return found, None
        return found[: search.limit], str(found[search.limit - 1].id)

    async def misused(
        self, desks: frozenset[str] | None, state: str | None, before: UUID | None, limit: int
    ) -> tuple[list[Ticket], str | None]:
        """A page of tickets with a misuse, newest first, and the cursor of the next."""
        async with self._pool.acquire() as connection:
            found = await queries.misused(connection, desks, state, before, limit)
        return found[:limit], str(found[limit - 1].id) if len(found) > limit else None

    async def facts(self, ticket: Ticket, after: int, limit: int) -> list[FactView]:
        """Facts of the ticket in order, after that sequence."""
        async with self._pool.acquire() as connection:
            rows = await queries.facts(connection, ticket.id, after, limit)
        return [
            FactView(
                sequence=row["sequence"],
                event_id=row["event_id"],
                type=row["type"],
                occurred_at=row["occurred_at"],
                text=row["text"],
                data=queries.data_of(row),
            )
            for row in rows
        ]

    async def attachment(self, desk: str, sha256: str) -> tuple[str, bytes] | None:
        """A file that came with a delivery to the desk."""
        async with self._pool.acquire() as connection:
            return await store.find_attachment(connection, desk, sha256)


class Api:
    """The routes of the agents' API."""

    def __init__(self, tickets: Tickets, agents: Agents, casework: CaseWork) -> None:
        self._tickets = tickets
        self._agents = agents
        self._casework = casework
        self.router = APIRouter(tags=["tickets"])
        add = self.router.add_api_route
        add("/tickets", self.list_tickets, methods=["GET"])
        add("/tickets", self.open_ticket, methods=["POST"], status_code=201)
        add("/misuse", self.list_misuse, methods=["GET"])
        add("/tickets/{ref}", self.show_ticket, methods=["GET"], response_model=TicketView)
        add("/tickets/{ref}/facts", self.list_facts, methods=["GET"])
        add("/attachments/{desk}/{sha256}", self.get_attachment, methods=["GET"])
        for action, body in BODIES.items():
            add(
                f"/tickets/{{ref}}/{action}",
                self._command(body),
                methods=["POST"],
                name=action.name.lower(),
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
        of the subject of a recent ticket."""
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

    async def get_attachment(self, desk: str, sha256: str, principal: Reader) -> Response:
        """A file that came with a delivery, as a download: its content is not to be trusted."""
        found = await self._tickets.attachment(desk, sha256) if principal.may(desk) else None
        if found is None:
            raise HttpProblem(404, "there is no such file")
        headers = {
            "content-disposition": f'attachment; filename="{sha256[:16]}"',
            "content-security-policy": "sandbox; default-src 'none'",
        }
        return Response(found[1], media_type="application/octet-stream", headers=headers)

    def _command(self, body: type[Told]) -> Callable[..., Coroutine[Any, Any, TicketView]]:
        async def command(
            request: Request, ref: str, principal: Agent, told: Told, key: _Key = None
        ) -> TicketView:
            return await self.act(ref, principal, told, key)

        # FastAPI reads the annotations: each action has a body of its own.
        command.__annotations__["told"] = body
        return command

    async def open_ticket(
        self, body: ForClientBody, principal: Agent, key: _Key = None
    ) -> TicketView:
        """Open a ticket on a client's behalf (SIG-09); gives it."""
        if not principal.may(body.desk) or body.desk not in self._casework.desks:
            told = FieldProblem("body.desk", f"there is no desk {body.desk}")
            raise HttpProblem(422, told.detail, errors=[told])
        by = Actor(kind="agent", id=principal.subject)
        try:
            made = await self._casework.open_for(
                body.desk, body.client(), by, body.occurred_at, asked(key, body)
            )
        except Malformed as error:
            raise HttpProblem(422, f"this can't be an event: {error.detail}") from error
        return _shown(made)

    async def act(
        self, ref: str, principal: Principal, told: Told, key: str | None = None
    ) -> TicketView:
        """Do what an agent tells, and show the ticket as it is then; where that makes or names
        another ticket, that one."""
        ticket = await self._tickets.find(ref, principal)
        by = Actor(kind="agent", id=principal.subject)
        command, at, once = told.command(), told.occurred_at, asked(key, told)
        try:
            if isinstance(command, Merge):
                into = await self._tickets.find(command.into, principal)
                merged = await self._casework.merge(ticket.id, into.id, command, by, at, once)
                return _shown(merged)
            if isinstance(command, Split | FollowUp):
                return _shown(await self._casework.split(ticket.id, command, by, at, once))
            decision = await self._agents.do(ticket.id, command, by, at, once)
        except TicketUnknown as error:
            raise _no_ticket(ref) from error
        except Malformed as error:
            raise HttpProblem(422, f"this can't be an event: {error.detail}") from error
        return _shown(decision if isinstance(decision, Refusal) else decision.ticket)


def _shown(result: Ticket | Refusal) -> TicketView:
    if isinstance(result, Refusal):
        raise _refused(result)
    return view(result)


def _desks(principal: Principal, asked: list[str] | None) -> frozenset[str] | None:
    if asked is None:
        return principal.desks
    return principal.only(frozenset(asked))


def _summary(action: Action) -> str:
    return action.value.replace("-", " ").capitalize()


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _no_ticket(text) from None


def _no_ticket(ref: str) -> HttpProblem:
    return HttpProblem(404, f"there is no ticket {ref[:100]}")


def _refused(refusal: Refusal) -> HttpProblem:
    conflicts = {
        RefusalReason.NOT_ALLOWED_NOW,
        RefusalReason.NOTHING_TO_CHANGE,
        RefusalReason.CONFLICT,
    }
    told = refusal.detail
    if refusal.reason is RefusalReason.NOT_ALLOWED_NOW:
        told += f"; allowed now: {', '.join(refusal.allowed) or 'nothing'}"
    return HttpProblem(
        409 if refusal.reason in conflicts else 422,
        told,
        type=f"urn:pledge:problem:{refusal.reason}",
        errors=[FieldProblem("allowed", each) for each in refusal.allowed],
    )
