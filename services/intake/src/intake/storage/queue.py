"""The agents' queue: tickets by when something is due on them, by views and filters, and counted.

A page reads a page of each desk, in the order of an index. Words are looked for first; what they
give is narrowed then.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import asyncpg

from intake.domain.command_registry import UNFINISHED
from intake.domain.ticket import Ticket
from intake.storage.queries import MATCHES, Put, ids_of_words
from intake.storage.store import TICKET_COLUMNS, ticket_of

NEVER: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""When something is due on a ticket on which nothing is."""
MOST_PEOPLE: Final = 200
"""Assignees that a list of them offers; others are written by hand."""
MOST_COUNTED: Final = 1_000
"""A view that has more is not counted to its end."""

_LAST = UUID(int=2**128 - 1)


class View(StrEnum):
    """Which of the unfinished tickets."""

    ALL = "all"
    MINE = "mine"
    UNASSIGNED = "unassigned"
    BREACHED = "breached"
    WAITING = "waiting"


class Sort(StrEnum):
    """What comes first."""

    DUE = "due"
    NEWEST = "newest"
    OLDEST = "oldest"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ends, in each of the orders."""

    due_at: datetime
    ticket_id: UUID


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which tickets. ``desks`` None means every desk; ``states`` None means unfinished ones, and
    none of them every state."""

    desks: frozenset[str] | None
    me: str
    view: View = View.ALL
    states: tuple[str, ...] | None = None
    severity: str = ""
    channel: str = ""
    customer: str = ""
    assignee: str = ""
    team: str = ""
    words: str = ""
    sort: Sort = Sort.DUE
    after: Place | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Queued:
    """A ticket with what is due on it next."""

    ticket: Ticket
    due_at: datetime | None
    metric: str
    is_breached: bool


_FILTERS: Final = ("severity", "channel", "customer", "assignee", "team")
_FINISHED: Final = frozenset(("resolved", "closed"))
_UNFINISHED: Final = "state NOT IN ('resolved', 'closed')"
_OF_VIEW: Final = {
    View.ALL: _UNFINISHED,
    View.MINE: f"{_UNFINISHED} AND assignee = {{me}}",
    View.UNASSIGNED: f"{_UNFINISHED} AND assignee = ''",
    View.BREACHED: f"{_UNFINISHED} AND is_breached",
    View.WAITING: "state IN ('waiting_on_customer', 'customer_unavailable')",
}


_PEOPLE: Final = f"""
WITH RECURSIVE people AS (
    SELECT desk, (SELECT min(assignee) FROM ticket_queue AS q
        WHERE q.desk = asked.desk AND assignee > '' AND {_UNFINISHED}) AS id
    FROM unnest($1::text[]) AS asked (desk)
    UNION ALL
    SELECT desk, (SELECT min(assignee) FROM ticket_queue AS q
        WHERE q.desk = people.desk AND assignee > people.id AND {_UNFINISHED})
    FROM people WHERE id IS NOT NULL
), named AS (
    SELECT id, (SELECT details -> 'assignee' ->> 'name'
        FROM tickets JOIN ticket_queue AS q ON q.ticket_id = tickets.id
        WHERE q.desk = people.desk AND q.assignee = people.id AND q.{_UNFINISHED} LIMIT 1) AS name
    FROM people WHERE id IS NOT NULL LIMIT $2
)
SELECT id, coalesce(max(name), '') AS name FROM named GROUP BY id ORDER BY id
"""  # noqa: S608 - a constant
"""Steps from one assignee to the next by the index, however many tickets each has."""


class _Values(list[Any]):
    def put(self, value: Any) -> str:
        self.append(value)
        return f"${len(self)}"


async def page(connection: asyncpg.Connection, wanted: Wanted) -> list[Queued]:
    """One ticket more than the limit, if there are so many, to show that there is a next page."""
    if wanted.desks is not None and not wanted.desks:
        return []
    statement, values = page_statement(wanted)
    return [
        Queued(
            ticket_of(row),
            row["due_at"] if row["due_at"] < NEVER else None,
            row["metric"],
            row["is_breached"],
        )
        for row in await connection.fetch(statement, *values)
    ]


def page_statement(wanted: Wanted) -> tuple[str, list[Any]]:
    """The statement and its parameters: only conditions that are asked for."""
    values = _Values()
    found = _matching(wanted, values.put) if wanted.words.strip() else _by_desk(wanted, values.put)
    columns = ", ".join(f"tickets.{each}" for each in TICKET_COLUMNS)
    order = _order(wanted, "queued.")
    statement = (
        f"SELECT {columns}, queued.due_at, queued.metric, queued.is_breached"  # noqa: S608 - constants and numbered parameters
        f" FROM ({found}) AS queued JOIN tickets ON tickets.id = queued.ticket_id ORDER BY {order}"
    )
    return statement, values


def _by_desk(wanted: Wanted, put: Put) -> str:
    conditions = [*_conditions(wanted, put), "ticket_queue.desk = asked.desk"]
    each = (
        f"SELECT ticket_id, due_at, metric, is_breached FROM ticket_queue"  # noqa: S608 - as above
        f" WHERE {' AND '.join(conditions)} ORDER BY {_order(wanted)} LIMIT {wanted.limit + 1}"
    )
    return (
        f"SELECT own.* FROM {_desks(wanted.desks, put)} AS asked(desk)"  # noqa: S608 - as above
        f" CROSS JOIN LATERAL ({each}) AS own"
        f" ORDER BY {_order(wanted, 'own.')} LIMIT {wanted.limit + 1}"
    )


def _matching(wanted: Wanted, put: Put) -> str:
    names = None if wanted.desks is None else sorted(wanted.desks)
    states = sorted(UNFINISHED) if wanted.states is None else list(wanted.states) or None
    filtered = wanted.view is not View.ALL or any(getattr(wanted, each) for each in _FILTERS)
    is_page_enough = wanted.sort is Sort.NEWEST and not filtered
    most = wanted.limit + 1 if is_page_enough else MATCHES
    ids = ids_of_words(wanted.words.strip(), names, states, _newest_before(wanted), most, put)
    conditions = [*_conditions(wanted, put)]
    if names is not None:
        conditions.append(f"ticket_queue.desk = ANY({put(names)}::text[])")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    return (
        f"SELECT ticket_id, due_at, metric, is_breached FROM ({ids}) AS matching(ticket_id)"  # noqa: S608 - as above
        f" JOIN ticket_queue USING (ticket_id){where}"
        f" ORDER BY {_order(wanted)} LIMIT {wanted.limit + 1}"
    )


def _newest_before(wanted: Wanted) -> UUID:
    is_newest_first = wanted.sort is Sort.NEWEST and wanted.after is not None
    return wanted.after.ticket_id if is_newest_first and wanted.after else _LAST


def _desks(desks: frozenset[str] | None, put: Put) -> str:
    if desks is None:
        return "(SELECT desk FROM ticket_numbers)"  # each desk that has a ticket
    return f"unnest({put(sorted(desks))}::text[])"


def _conditions(wanted: Wanted, put: Put) -> list[str]:
    found = []
    states = wanted.states
    if wanted.view is not View.ALL or (states != () and _FINISHED.isdisjoint(states or ())):
        view = _OF_VIEW[wanted.view]
        found.append(view.format(me=put(wanted.me)) if wanted.view is View.MINE else view)
    if states:
        found.append(f"state = ANY({put(list(states))}::text[])")
    for column in _FILTERS:
        if value := getattr(wanted, column):
            found.append(f"{column} = {put(value)}")
            if column == "customer":  # as the index has it
                found.append("customer <> ''")
    if (after := wanted.after) is not None:
        if wanted.sort is Sort.DUE:
            found.append(f"(due_at, ticket_id) > ({put(after.due_at)}, {put(after.ticket_id)})")
        else:
            sign = "<" if wanted.sort is Sort.NEWEST else ">"
            found.append(f"ticket_id {sign} {put(after.ticket_id)}")
    return found


def _order(wanted: Wanted, of: str = "") -> str:
    return {
        Sort.DUE: f"{of}due_at, {of}ticket_id",
        Sort.NEWEST: f"{of}ticket_id DESC",
        Sort.OLDEST: f"{of}ticket_id",
    }[wanted.sort]


async def counts(
    connection: asyncpg.Connection, desks: frozenset[str] | None, me: str
) -> dict[View, int]:
    """How many unfinished tickets each view has, up to one more than are counted."""
    if desks is not None and not desks:
        return dict.fromkeys(View, 0)
    statement, values = counts_statement(desks, me)
    row = await connection.fetchrow(statement, *values)
    assert row is not None
    return {view: row[view.value] for view in View}


def counts_statement(desks: frozenset[str] | None, me: str) -> tuple[str, list[Any]]:
    """The statement of `counts` and its parameters."""
    values = _Values()
    who, of_desks, most = values.put(me), _desks(desks, values.put), MOST_COUNTED + 1
    counted = [
        f"(SELECT count(*) FROM (SELECT FROM {of_desks} AS asked(desk) CROSS JOIN LATERAL ("  # noqa: S608 - as above
        f"SELECT FROM ticket_queue WHERE ticket_queue.desk = asked.desk"
        f" AND {condition.format(me=who)} LIMIT {most}) AS own LIMIT {most}) AS some_of)"
        f' AS "{view.value}"'
        for view, condition in _OF_VIEW.items()
    ]
    return f"SELECT {', '.join(counted)}", values


_TOUCHED: Final = """
SELECT desk, ticket_id, touched_at FROM ticket_queue WHERE touched_at > $1
ORDER BY touched_at DESC LIMIT $2
"""


async def people(connection: asyncpg.Connection, desks: frozenset[str]) -> dict[str, str]:
    """Whom unfinished tickets of the desks are assigned to: id to the name that requesters see,
    empty if there is none."""
    rows = await connection.fetch(_PEOPLE, sorted(desks), MOST_PEOPLE)
    return {row["id"]: row["name"] for row in rows}


async def touched_since(
    connection: asyncpg.Connection, since: datetime, most: int
) -> Sequence[tuple[str, UUID, datetime]]:
    """The desks and tickets of what changed in the queue after the instant, the last first."""
    rows = await connection.fetch(_TOUCHED, since, most)
    return [(row["desk"], row["ticket_id"], row["touched_at"]) for row in rows]
