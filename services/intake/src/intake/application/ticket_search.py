"""Finds tickets for people who may see them: by id, by number, by search."""

import re
from typing import Final
from uuid import UUID

import asyncpg

from intake.application.desk_scope import reading
from intake.domain.command_registry import FINISHED
from intake.domain.mail_states import SentMail
from intake.domain.ticket import Ticket
from intake.schemas import FactView
from intake.storage import mail_states, queries, same_person
from pledge.runtime.auth.access import Principal
from pledge.runtime.http.app import HttpProblem

_UUID: Final = re.compile(r"^[0-9a-fA-F-]{36}$")


class TicketSearch:
    """Finds tickets for those who may see them."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def find(self, ref: str, principal: Principal) -> Ticket:
        """The ticket of an id or number. A ticket of another desk is as good as none."""
        async with reading(self._pool, principal.desks) as connection:
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
        async with reading(self._pool, search.desks) as connection:
            found = await queries.search(connection, search)
        if len(found) <= search.limit:
            return found, None
        return found[: search.limit], str(found[search.limit - 1].id)

    async def misused(
        self, desks: frozenset[str] | None, state: str | None, before: UUID | None, limit: int
    ) -> tuple[list[Ticket], str | None]:
        """A page of tickets with a misuse, newest first, and the cursor of the next."""
        async with reading(self._pool, desks) as connection:
            found = await queries.misused(connection, desks, state, before, limit)
        return found[:limit], str(found[limit - 1].id) if len(found) > limit else None

    async def similar(self, ticket: Ticket) -> list[same_person.Similar]:
        """Unfinished tickets of its desk that the ticket may be one with: offered, not done."""
        if ticket.state in FINISHED:
            return []
        async with reading(self._pool, frozenset((ticket.desk,))) as connection:
            return await same_person.similar(connection, ticket)

    async def mails(self, ticket: Ticket) -> list[SentMail]:
        """What became of the ticket's mails, those apart that still wait to be sent."""
        async with reading(self._pool, frozenset((ticket.desk,))) as connection:
            return await mail_states.of_ticket(connection, ticket.desk, ticket.id)

    async def facts(self, ticket: Ticket, after: int, limit: int) -> list[FactView]:
        """Facts of the ticket in order, after that sequence."""
        async with reading(self._pool, frozenset((ticket.desk,))) as connection:
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


def no_ticket(ref: str) -> HttpProblem:
    """There is no such ticket, or none that the reader may see."""
    return HttpProblem(404, f"there is no ticket {ref[:100]}")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise no_ticket(text) from None
