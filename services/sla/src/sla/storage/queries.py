"""Queries of the API: lists of timers and breaches, one page at a time, and tickets.

Lists are read per desk and state in the order of their index and merged, so that a page costs the
same however many rows there are.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, TypeAlias
from uuid import UUID

import asyncpg
from pydantic import Field, TypeAdapter

from pledge.runtime.cursors import Cursors
from pledge.runtime.instants import Instant

# Where a paused timer stands in the order: after everything that is due at a known instant.
NEVER: Literal["infinity"] = "infinity"
_TimerPlace: TypeAlias = tuple[
    Instant | Literal["infinity"],
    UUID,
    Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")],
    Annotated[int, Field(ge=0, lt=2**31)],
]
TIMER_CURSORS = Cursors[_TimerPlace](TypeAdapter(_TimerPlace))
BREACH_CURSORS = Cursors(TypeAdapter(tuple[Instant, UUID]))

# The severity is compared within its subquery: every other row, the planner expects, passes that,
# and it reads in order until the page is full. It would expect hardly any to pass the other way.
_TIMERS = """
SELECT page.*, tickets.number, tickets.severity, tickets.priority, tickets.policy_version,
       tickets.earlier,
       tickets.is_closed,
       (SELECT data ->> 'subject_line' FROM facts
        WHERE facts.ticket_id = page.ticket_id AND type = 'opened' LIMIT 1) AS subject_line
FROM (
    SELECT timers.*
    FROM unnest($1::text[]) AS wanted(desk)
    CROSS JOIN unnest($2::text[]) AS asked(state)
    CROSS JOIN LATERAL (
        SELECT * FROM timers
        WHERE desk = wanted.desk AND state = asked.state
          AND (coalesce(due_at, 'infinity'), ticket_id, metric, cycle)
              > ($3::text::timestamptz, $4::uuid, $5::text, $6::int)
          AND ($7::text IS NULL OR coalesce(due_at, 'infinity') < $7::text::timestamptz)
          AND ($8::text[] IS NULL OR metric = ANY($8))
          AND ($9::bool IS NULL OR (at_risk_sent > 0) = $9)
          AND ($10::text[] IS NULL OR (SELECT severity = ANY($10) FROM tickets
                   WHERE tickets.ticket_id = timers.ticket_id))
        ORDER BY coalesce(due_at, 'infinity'), ticket_id, metric, cycle
        LIMIT $11
    ) AS timers
    ORDER BY coalesce(due_at, 'infinity'), ticket_id, metric, cycle
    LIMIT $11
) AS page
JOIN tickets USING (ticket_id)
ORDER BY coalesce(page.due_at, 'infinity'), page.ticket_id, page.metric, page.cycle
"""
# Of a few tickets: their timers are read by key and sorted.
_TIMERS_OF_TICKETS = """
SELECT timers.*, tickets.number, tickets.severity, tickets.priority,
       tickets.policy_version, tickets.earlier, tickets.is_closed,
       (SELECT data ->> 'subject_line' FROM facts
        WHERE facts.ticket_id = timers.ticket_id AND type = 'opened' LIMIT 1) AS subject_line
FROM timers JOIN tickets USING (ticket_id)
WHERE timers.ticket_id = ANY($12::uuid[])
  AND timers.desk = ANY($1::text[]) AND timers.state = ANY($2::text[])
  AND (coalesce(due_at, 'infinity'), timers.ticket_id, metric, cycle)
      > ($3::text::timestamptz, $4::uuid, $5::text, $6::int)
  AND ($7::text IS NULL OR coalesce(due_at, 'infinity') < $7::text::timestamptz)
  AND ($8::text[] IS NULL OR metric = ANY($8))
  AND ($9::bool IS NULL OR (at_risk_sent > 0) = $9)
  AND ($10::text[] IS NULL OR tickets.severity = ANY($10))
ORDER BY coalesce(due_at, 'infinity'), ticket_id, metric, cycle
LIMIT $11
"""
_BREACHES = """
SELECT page.*, tickets.number
FROM (
    SELECT breaches.*
    FROM unnest($1::text[]) AS wanted(desk)
    CROSS JOIN LATERAL (
        SELECT * FROM breaches
        WHERE desk = wanted.desk
          AND (due_at, breach_id) < ($2::text::timestamptz, $3::uuid)
          AND due_at >= $4::text::timestamptz
          AND ($5::text[] IS NULL OR metric = ANY($5))
          AND ($6::uuid[] IS NULL OR ticket_id = ANY($6))
          AND ($7::bool IS NULL OR (retracted_at IS NOT NULL) = $7)
        ORDER BY due_at DESC, breach_id DESC
        LIMIT $8
    ) AS breaches
    ORDER BY due_at DESC, breach_id DESC
    LIMIT $8
) AS page
JOIN tickets USING (ticket_id)
ORDER BY page.due_at DESC, page.breach_id DESC
"""
# Incidents, whose title stands for a number, may share one; the newest comes first (UUIDv7).
_TICKET_IDS = """
SELECT ticket_id, desk FROM tickets WHERE number = $1 OR ticket_id = $2 ORDER BY ticket_id DESC
"""
_DESKS = "SELECT DISTINCT desk FROM policy_versions"

_COUNTS_BY_STATE = """
SELECT asked.state, sum(counted.timers)::bigint AS timers, sum(counted.at_risk)::bigint AS at_risk,
       bool_or(counted.examined > $3) AS has_more
FROM unnest($1::text[]) AS wanted(desk)
CROSS JOIN unnest(ARRAY['running', 'paused', 'breached']) AS asked(state)
CROSS JOIN LATERAL (
    SELECT count(*) AS examined, count(*) FILTER (WHERE fits) AS timers,
           count(*) FILTER (WHERE fits AND at_risk_sent > 0) AS at_risk
    FROM (
        SELECT at_risk_sent,
               $4::text IS NULL OR $4 = (SELECT severity FROM tickets
                   WHERE tickets.ticket_id = timers.ticket_id) AS fits
        FROM timers
        WHERE desk = wanted.desk AND state = asked.state
          AND coalesce(due_at, 'infinity')
              >= CASE asked.state WHEN 'breached' THEN $2::timestamptz ELSE '-infinity' END
        ORDER BY coalesce(due_at, 'infinity'), ticket_id, metric, cycle
        LIMIT $3 + 1
    ) AS urgent
) AS counted
GROUP BY asked.state
"""
_LATEST_OUTBOX_ID = "SELECT last_value FROM outbox_id_seq"

_ZERO = UUID(int=0)
_LAST = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True)
class TimerFilter:
    """Which timers to list. `desks` are those that the caller may see."""

    desks: Collection[str]
    states: Collection[str]
    metrics: Collection[str] | None = None
    is_at_risk: bool | None = None
    severities: Collection[str] | None = None
    due_from: datetime | None = None
    due_before: datetime | None = None
    tickets: Collection[UUID] | None = None


@dataclass(frozen=True, slots=True)
class BreachFilter:
    """Which breaches to list, newest first."""

    desks: Collection[str]
    metrics: Collection[str] | None = None
    tickets: Collection[UUID] | None = None
    is_retracted: bool | None = None
    due_from: datetime | None = None


async def list_timers(
    connection: asyncpg.Connection, wanted: TimerFilter, cursor: str | None, limit: int
) -> tuple[list[asyncpg.Record], str | None]:
    """One page of timers, earliest due first, and the cursor of the next. Raises BadCursor."""
    first = wanted.due_from.isoformat() if wanted.due_from else "-infinity"
    place, *rest = TIMER_CURSORS.decode(cursor) if cursor is not None else (first, _ZERO, "", 0)
    tickets = None if wanted.tickets is None else list(wanted.tickets)
    rows = await connection.fetch(
        _TIMERS if tickets is None else _TIMERS_OF_TICKETS,
        sorted(wanted.desks),
        sorted(wanted.states),
        _text(place),
        *rest,
        wanted.due_before.isoformat() if wanted.due_before else None,
        None if wanted.metrics is None else list(wanted.metrics),
        wanted.is_at_risk,
        None if wanted.severities is None else list(wanted.severities),
        limit + 1,
        *(() if tickets is None else (tickets,)),
    )
    shown, following = TIMER_CURSORS.page(rows, limit, _timer_place)
    return list(shown), following


async def list_breaches(
    connection: asyncpg.Connection, wanted: BreachFilter, cursor: str | None, limit: int
) -> tuple[list[asyncpg.Record], str | None]:
    """One page of breaches, newest first, and the cursor of the next. Raises BadCursor."""
    due_at, breach_id = BREACH_CURSORS.decode(cursor) if cursor is not None else (NEVER, _LAST)
    rows = await connection.fetch(
        _BREACHES,
        sorted(wanted.desks),
        _text(due_at),
        breach_id,
        wanted.due_from.isoformat() if wanted.due_from else "-infinity",
        None if wanted.metrics is None else list(wanted.metrics),
        None if wanted.tickets is None else list(wanted.tickets),
        wanted.is_retracted,
        limit + 1,
    )
    shown, following = BREACH_CURSORS.page(
        rows, limit, lambda row: (row["due_at"], row["breach_id"])
    )
    return list(shown), following


async def find_tickets(connection: asyncpg.Connection, name: str) -> list[tuple[UUID, str]]:
    """Tickets with this number or id, each with its desk."""
    try:
        ticket_id = UUID(name)
    except ValueError:
        ticket_id = _ZERO
    rows = await connection.fetch(_TICKET_IDS, name, ticket_id)
    return [(row["ticket_id"], row["desk"]) for row in rows]


async def known_desks(connection: asyncpg.Connection) -> frozenset[str]:
    """Every desk that ever had a policy."""
    return frozenset(row["desk"] for row in await connection.fetch(_DESKS))


async def count_by_state(
    connection: asyncpg.Connection,
    desks: Collection[str],
    severity: str | None,
    breached_since: datetime,
    most: int,
) -> list[asyncpg.Record]:
    """Timers that run, are paused, or were breached since: `timers`, `at_risk`, `has_more` each.

    Per desk and state the `most` most urgent are looked at; `has_more` says that there are others.
    """
    found: list[asyncpg.Record] = await connection.fetch(
        _COUNTS_BY_STATE, sorted(desks), breached_since, most, severity
    )
    return found


async def latest_outbox_id(connection: asyncpg.Connection) -> int:
    """The number of the newest event: each takes the next, whichever process writes it."""
    return int(await connection.fetchval(_LATEST_OUTBOX_ID))


def _timer_place(row: asyncpg.Record) -> _TimerPlace:
    due_at = NEVER if row["due_at"] is None else row["due_at"]
    return due_at, row["ticket_id"], row["metric"], row["cycle"]


def _text(instant: datetime | str) -> str:
    """As PostgreSQL casts it, for which a word stands where there is no instant."""
    return instant if isinstance(instant, str) else instant.isoformat()
