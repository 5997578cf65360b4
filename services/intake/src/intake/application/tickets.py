"""Finding tickets for people who may see them, and doing what agents ask."""

import re
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import asyncpg

from intake.application.idempotency import asked
from intake.application.ticket_commands import TicketCommands, TicketUnknown
from intake.application.ticket_relations import TicketRelations
from intake.domain.commands.relations import FollowUp, Merge, Split
from intake.domain.ticket import Refusal, RefusalReason, Ticket
from intake.schemas import CommandBody, FactView, ForClientBody
from intake.storage import queries, store
from pledge.events import Actor, Malformed
from pledge.runtime.auth.access import Principal
from pledge.runtime.http.app import FieldProblem, HttpProblem

_UUID: Final = re.compile(r"^[0-9a-fA-F-]{36}$")


class Tickets:
    """Finds tickets for those who may see them."""

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
            raise no_ticket(ref)
        if len(seen) > 1:
            desks = ", ".join(each.desk for each in seen)
            raise HttpProblem(409, f"{ref} is a ticket of {desks}; ask with the ticket's id")
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


@dataclass(frozen=True, slots=True)
class AgentActions:
    """Does what agents ask, over the API and on the pages."""

    tickets: Tickets
    commands: TicketCommands
    relations: TicketRelations

    async def open_ticket(
        self, body: ForClientBody, principal: Principal, key: str | None = None
    ) -> Ticket:
        """Open a ticket on a client's behalf (SIG-09). Raises HttpProblem for a refusal."""
        if not principal.may(body.desk) or body.desk not in self.relations.desks:
            problem = FieldProblem("body.desk", f"there is no desk {body.desk}")
            raise HttpProblem(422, problem.detail, errors=[problem])
        by = Actor(kind="agent", id=principal.subject)
        try:
            opened = await self.relations.open_for(
                body.desk, body.client(), by, body.occurred_at, asked(key, body)
            )
        except Malformed as error:
            raise HttpProblem(422, f"this can't be an event: {error.detail}") from error
        return _ticket_or_problem(opened)

    async def act(
        self, ref: str, principal: Principal, body: CommandBody, key: str | None = None
    ) -> Ticket:
        """Carry out an agent's command and give the ticket as it is then; where that makes or names
        another ticket, that one. Raises HttpProblem for a refusal."""
        ticket = await self.tickets.find(ref, principal)
        by = Actor(kind="agent", id=principal.subject)
        command, at, once = body.command(), body.occurred_at, asked(key, body)
        try:
            if isinstance(command, Merge):
                into = await self.tickets.find(command.into, principal)
                merged = await self.relations.merge(ticket.id, into.id, command, by, at, once)
                return _ticket_or_problem(merged)
            if isinstance(command, Split | FollowUp):
                new = await self.relations.split(ticket.id, command, by, at, once)
                return _ticket_or_problem(new)
            decision = await self.commands.do(ticket.id, command, by, at, once)
        except TicketUnknown as error:
            raise no_ticket(ref) from error
        except Malformed as error:
            raise HttpProblem(422, f"this can't be an event: {error.detail}") from error
        return _ticket_or_problem(decision if isinstance(decision, Refusal) else decision.ticket)


def no_ticket(ref: str) -> HttpProblem:
    """There is no such ticket, or none that the reader may see."""
    return HttpProblem(404, f"there is no ticket {ref[:100]}")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise no_ticket(text) from None


def _ticket_or_problem(result: Ticket | Refusal) -> Ticket:
    if isinstance(result, Ticket):
        return result
    conflicts = {
        RefusalReason.NOT_ALLOWED_NOW,
        RefusalReason.NOTHING_TO_CHANGE,
        RefusalReason.CONFLICT,
    }
    detail = result.detail
    if result.reason is RefusalReason.NOT_ALLOWED_NOW:
        detail += f"; allowed now: {', '.join(result.allowed) or 'nothing'}"
    raise HttpProblem(
        409 if result.reason in conflicts else 422,
        detail,
        type=f"urn:pledge:problem:{result.reason}",
        errors=[FieldProblem("allowed", each) for each in result.allowed],
    )
