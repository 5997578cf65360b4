"""Reading tickets for people: by number, by list, by words, with their facts."""

import re
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
from pydantic_core import from_json

from intake.domain.ticket import Ticket
from intake.store import SELECT_TICKET, ticket_of

RECENT: Final = 20_000
"""Words are looked for in this many of the newest tickets: a bound on what a search may cost."""

_NUMBER: Final = re.compile(r"^[A-Za-z][A-Za-z0-9]{1,9}-[0-9]{1,15}$")


@dataclass(frozen=True, slots=True)
class Search:
    """Which tickets, newest first. ``desks`` None means every desk; ``before`` is the cursor."""

    desks: frozenset[str] | None
    states: list[str] | None = None
    severities: list[str] | None = None
    words: str | None = None
    before: UUID | None = None
    limit: int = 50


async def by_id(connection: asyncpg.Connection, ticket_id: UUID) -> list[Ticket]:
    """The ticket of the id, if there is one."""
    rows = await connection.fetch(f"{SELECT_TICKET} WHERE id = $1", ticket_id)
    return [ticket_of(row) for row in rows]


async def by_number(connection: asyncpg.Connection, number: str) -> list[Ticket]:
    """The tickets of the number: one of each desk that uses the prefix."""
    rows = await connection.fetch(f"{SELECT_TICKET} WHERE number = $1", number)
    return [ticket_of(row) for row in rows]


async def search(connection: asyncpg.Connection, wanted: Search) -> list[Ticket]:
    """One ticket more than the limit, if there are so many, to tell that there is a next page."""
    if wanted.desks is not None and not wanted.desks:
        return []
    statement, values = search_statement(wanted)
    return [ticket_of(row) for row in await connection.fetch(statement, *values)]


def search_statement(wanted: Search) -> tuple[str, list[Any]]:
    """The statement and its parameters: only conditions that are asked for, so that each shape has
    the plan that fits it."""
    values: list[Any] = []
    conditions: list[str] = []

    def add(condition: str, value: Any) -> None:
        values.append(value)
        conditions.append(condition.format(f"${len(values)}"))

    if wanted.desks is not None and len(wanted.desks) == 1:
        add("desk = {}", next(iter(wanted.desks)))
    elif wanted.desks is not None:
        add("desk = ANY({}::text[])", sorted(wanted.desks))
    if wanted.states:
        add("state = ANY({}::text[])", wanted.states)
    if wanted.severities:
        add("severity = ANY({}::text[])", wanted.severities)
    if wanted.before is not None:
        add("id < {}", wanted.before)
    words = wanted.words.strip() if wanted.words else ""
    if words and _NUMBER.match(words):
        add("number = {}", words.upper())
    elif words and ("@" in words or words.startswith("+")):
        add("requester LIKE {}", f"{_escaped(words.lower())}%")
    elif words:
        return _among_recent(conditions, values, words, wanted.limit)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    values.append(wanted.limit + 1)
    return f"{SELECT_TICKET}{where} ORDER BY id DESC LIMIT ${len(values)}", values


def _among_recent(
    conditions: list[str], values: list[Any], words: str, limit: int
) -> tuple[str, list[Any]]:
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    values += [f"%{_escaped(words)}%", limit + 1]
    recent = f"{SELECT_TICKET}{where} ORDER BY id DESC LIMIT {RECENT}"
    statement = (
        f"SELECT * FROM ({recent}) AS recent"  # noqa: S608 - constants and numbered parameters
        f" WHERE subject_line ILIKE ${len(values) - 1} ORDER BY id DESC LIMIT ${len(values)}"
    )
    return statement, values


def _escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


async def facts(
    connection: asyncpg.Connection, ticket_id: UUID, after: int, limit: int
) -> list[asyncpg.Record]:
    """Facts of the ticket in order, with the whole text where the event has only a part."""
    rows: list[asyncpg.Record] = await connection.fetch(
        "SELECT sequence, event_id, type, occurred_at, data::text AS data, texts.text"
        " FROM facts LEFT JOIN texts USING (ticket_id, sequence)"
        " WHERE ticket_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3",
        ticket_id,
        after,
        limit,
    )
    return rows


async def newest_facts(
    connection: asyncpg.Connection, ticket_id: UUID, types: list[str], limit: int
) -> list[asyncpg.Record]:
    """The newest facts of these types, in order, as `facts` gives them."""
    rows: list[asyncpg.Record] = await connection.fetch(
        "SELECT sequence, event_id, type, occurred_at, data::text AS data, texts.text"
        " FROM facts LEFT JOIN texts USING (ticket_id, sequence)"
        " WHERE ticket_id = $1 AND type = ANY($2::text[]) ORDER BY sequence DESC LIMIT $3",
        ticket_id,
        types,
        limit,
    )
    return rows[::-1]


_MISUSED = f"""
{SELECT_TICKET}
WHERE details -> 'particulars' -> 'misuse' IS NOT NULL
    AND ($1::text[] IS NULL OR desk = ANY($1)) AND ($3::uuid IS NULL OR id < $3)
    AND ($2::text IS NULL
         OR coalesce(details -> 'particulars' -> 'misuse' ->> 'state', 'recorded') = $2)
ORDER BY id DESC LIMIT $4
"""


async def misused(
    connection: asyncpg.Connection,
    desks: frozenset[str] | None,
    state: str | None,
    before: UUID | None,
    limit: int,
) -> list[Ticket]:
    """Tickets on which a misuse is recorded, newest first; one more than the limit, if there is."""
    names = None if desks is None else sorted(desks)
    rows = await connection.fetch(_MISUSED, names, state, before, limit + 1)
    return [ticket_of(row) for row in rows]


_OPEN_OF_CUSTOMER = f"""
{SELECT_TICKET}
WHERE desk = $1 AND details ->> 'customer' = $2 AND state NOT IN ('resolved', 'closed')
    AND ($3::uuid IS NULL OR id > $3) ORDER BY id LIMIT $4
"""


async def open_of_customer(
    connection: asyncpg.Connection, desk: str, customer: str, after: UUID | None, limit: int
) -> list[Ticket]:
    """Unfinished tickets of a customer, oldest first, after that id."""
    rows = await connection.fetch(_OPEN_OF_CUSTOMER, desk, customer, after, limit)
    return [ticket_of(row) for row in rows]


_OF_PERSON = f"""
{SELECT_TICKET}
WHERE desk = $1 AND ($4::uuid IS NULL OR id < $4) AND (
    requester = $2 OR (details ->> 'customer' IS NOT NULL AND details ->> 'customer' = ANY($3)))
ORDER BY id DESC LIMIT $5
"""


async def of_person(
    connection: asyncpg.Connection,
    desk: str,
    address: str,
    customers: list[str],
    before: UUID | None,
    limit: int,
) -> list[Ticket]:
    """Tickets that the owner of the address asked for, and those of customers that they administer,
    newest first: one more than the limit, if there are so many."""
    rows = await connection.fetch(_OF_PERSON, desk, address, customers, before, limit + 1)
    return [ticket_of(row) for row in rows]


def data_of(row: asyncpg.Record) -> dict[str, Any]:
    """A fact's data for people. Links that act for their reader are left out: one that signs in,
    one that answers a proposed meeting."""
    data: dict[str, Any] = from_json(row["data"])
    data.pop("answer_url", None)
    variables = data.get("variables")
    if isinstance(variables, dict) and "link" in variables:
        data["variables"] = {name: value for name, value in variables.items() if name != "link"}
    return data
