"""Reading tickets for people: by number, by list, by words, with their facts."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import asyncpg
from pydantic_core import from_json

from intake.domain.command_registry import State
from intake.domain.ticket import Ticket
from intake.storage.store import SELECT_TICKET, ticket_of

MATCHES: Final = 500
"""What else is asked is looked for among so many of the newest tickets that have the words."""

Put = Callable[[Any], str]
"""Takes a parameter of a statement; gives its place."""

_FIRST, _LAST = UUID(int=0), UUID(int=2**128 - 1)
_NUMBER: Final = re.compile(r"^[A-Za-z][A-Za-z0-9]{1,9}-[0-9]{1,15}$")


@dataclass(frozen=True, slots=True)
class Search:
    """Which tickets, newest first. ``desks`` None means every desk; ``before`` is the cursor."""

    desks: frozenset[str] | None
    states: Sequence[str] | None = None
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
    """One ticket more than the limit, if there are so many, to show that there is a next page."""
    if wanted.desks is not None and not wanted.desks:
        return []
    statement, values = search_statement(wanted)
    return [ticket_of(row) for row in await connection.fetch(statement, *values)]


def search_statement(wanted: Search) -> tuple[str, list[Any]]:
    """The statement and its parameters: only conditions that are asked for, so that each shape has
    the plan that fits it."""
    values: list[Any] = []

    def put(value: Any) -> str:
        values.append(value)
        return f"${len(values)}"

    severity = f"severity = ANY({put(wanted.severities)}::text[])" if wanted.severities else ""
    words = wanted.words.strip() if wanted.words else ""
    if not words:
        return _newest(wanted, put, SELECT_TICKET, severity, wanted.limit + 1), values
    # With a condition that the words' index does not know, it gives more than a page needs.
    most = MATCHES if severity else wanted.limit + 1
    ids = ids_of_words(
        words, _names(wanted.desks), wanted.states or None, wanted.before or _LAST, most, put
    )
    found = f"{SELECT_TICKET} JOIN ({ids}) AS matching(id) USING (id)"
    conditions = [severity, *_plainly(wanted, put)]
    return f"{found} {_page(conditions, 'id DESC', wanted.limit + 1)}", values


def ids_of_words(
    words: str,
    desks: list[str] | None,
    states: Sequence[str] | None,
    before: UUID,
    most: int,
    put: Put,
) -> str:
    """The statement that finds the newest tickets by a number, the beginning of a requester's
    address, or words; where it is by words, of the desks and states alone."""
    if _NUMBER.match(words):
        return f"SELECT id FROM tickets WHERE number = {put(words.upper())}"  # noqa: S608 - a parameter
    if "@" in words or words.startswith("+"):
        beginning = words.lower()
        # As `LIKE` has it; said like this, it goes by the index whoever asks.
        return (
            f"SELECT id FROM tickets WHERE requester ~>=~ {put(beginning)}"  # noqa: S608 - parameters
            f" AND requester ~<~ {put(beginning + chr(0x10FFFF))} AND id < {put(before)}"
            + (f" AND desk = ANY({put(desks)}::text[])" if desks is not None else "")
            + f" ORDER BY id DESC LIMIT {most if states is None else MATCHES}"
        )
    asked = f"{put(words)}, {put(desks)}::text[], {put(states)}::text[]"
    return f"SELECT * FROM find_tickets({asked}, {put(before)}, {most})"  # noqa: S608 - parameters


def _newest(wanted: Search, put: Put, select: str, condition: str, limit: int) -> str:
    """The newest tickets of each desk and state that is asked for, merged.

    Each is a stretch of an index, given by its ends and read in its order. The order by id alone is
    that of the primary key too, which would be read through all other desks' tickets.
    """
    before = put(wanted.before or _LAST)
    if wanted.desks is None and not wanted.states:
        return f"{select} {_page([f'id < {before}', condition], 'id DESC', limit)}"
    desks = "(SELECT desk FROM ticket_numbers)"  # each desk that has a ticket
    if wanted.desks is not None:
        desks = f"unnest({put(sorted(wanted.desks))}::text[])"
    states = put(sorted(set(wanted.states or State)))
    ends = [
        f"(desk, state, id) < (wanted.desk, asked.state, {before})",
        f"(desk, state, id) >= (wanted.desk, asked.state, {put(_FIRST)})",
    ]
    each = f"{select} {_page([*ends, condition], 'desk DESC, state DESC, id DESC', limit)}"
    return (
        f"SELECT found.* FROM {desks} AS wanted(desk)"  # noqa: S608 - constants and numbered parameters
        f" CROSS JOIN unnest({states}::text[]) AS asked(state)"
        f" CROSS JOIN LATERAL ({each}) AS found {_page([], 'id DESC', limit)}"
    )


def _plainly(wanted: Search, put: Put) -> Iterator[str]:
    """Conditions for statements that find few tickets before they come to these."""
    if wanted.desks is not None:
        yield f"desk = ANY({put(sorted(wanted.desks))}::text[])"
    if wanted.states:
        yield f"state = ANY({put(wanted.states)}::text[])"
    if wanted.before is not None:
        yield f"id < {put(wanted.before)}"


def _page(conditions: Iterable[str], order: str, limit: int) -> str:
    given = [each for each in conditions if each]
    where = f"WHERE {' AND '.join(given)} " if given else ""
    return f"{where}ORDER BY {order} LIMIT {limit}"


def _names(desks: frozenset[str] | None) -> list[str] | None:
    return None if desks is None else sorted(desks)


_SELECT_FACTS = (
    "SELECT sequence, event_id, type, occurred_at, data::text AS data, texts.text"
    " FROM facts LEFT JOIN texts USING (ticket_id, sequence) WHERE ticket_id = $1"
)


async def facts(
    connection: asyncpg.Connection, ticket_id: UUID, after: int, limit: int
) -> list[asyncpg.Record]:
    """Facts of the ticket in order, with the whole text where the event has only a part."""
    rows: list[asyncpg.Record] = await connection.fetch(
        f"{_SELECT_FACTS} AND sequence > $2 ORDER BY sequence LIMIT $3",
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
        f"{_SELECT_FACTS} AND type = ANY($2::text[]) ORDER BY sequence DESC LIMIT $3",
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


# Each stretch by its own index, see `_newest`: who asked for little is not looked for among all.
_OF_PERSON = f"""
{SELECT_TICKET} JOIN (
    (SELECT id FROM tickets WHERE desk = $1 AND requester = $2 AND id < $4
     ORDER BY id DESC LIMIT $5)
    UNION
    (SELECT found.id FROM unnest($3::text[]) AS administered(customer) CROSS JOIN LATERAL (
        SELECT id FROM tickets
        WHERE details ->> 'customer' IS NOT NULL
            AND desk = $1 AND (details ->> 'customer', id) < (administered.customer, $4)
            AND (details ->> 'customer', id) >= (administered.customer, '{_FIRST}')
        ORDER BY details ->> 'customer' DESC, id DESC LIMIT $5) AS found)
) AS own USING (id)
ORDER BY id DESC LIMIT $5
"""  # noqa: S608 - constants of our own


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
    newest = before or _LAST
    rows = await connection.fetch(_OF_PERSON, desk, address, customers, newest, limit + 1)
    return [ticket_of(row) for row in rows]


def data_of(row: asyncpg.Record) -> dict[str, Any]:
    """A fact's data for people. Links that act for their reader are left out: one that signs in,
    one that answers a proposed meeting, one that fetches a file."""
    return without_links(from_json(row["data"]))


def without_links(data: dict[str, Any]) -> dict[str, Any]:
    """A fact's data without links that act for their reader."""
    data.pop("answer_url", None)
    for file in data.get("attachments") or ():
        file.pop("url", None)
    variables = data.get("variables")
    if isinstance(variables, dict) and "link" in variables:
        data["variables"] = {name: value for name, value in variables.items() if name != "link"}
    return data
