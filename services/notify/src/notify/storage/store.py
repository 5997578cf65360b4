"""notify's tables: each SQL text next to the one function that uses it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from notify.domain.page import PageState
from notify.storage.rows import PageRecord, Ticket, page_as_row, page_from_row

# -- consumed events -----------------------------------------------------------------------

_SEEN = """
SELECT subject, sequence FROM seen WHERE topic = $1 AND subject = ANY($2::text[])
"""
_SEE = """
INSERT INTO seen (topic, subject, sequence)
SELECT $1, subject, sequence FROM unnest($2::text[], $3::bigint[]) AS new(subject, sequence)
ORDER BY subject
ON CONFLICT (topic, subject) DO UPDATE SET sequence = excluded.sequence
"""


async def last_seen(
    connection: asyncpg.Connection, topic: str, subjects: Sequence[str]
) -> dict[str, int]:
    """The last sequence handled of each subject on a topic."""
    rows = await connection.fetch(_SEEN, topic, list(subjects))
    return {row["subject"]: row["sequence"] for row in rows}


async def save_seen(connection: asyncpg.Connection, topic: str, seen: Mapping[str, int]) -> None:
    """Remember the last sequence of each subject."""
    if seen:
        await connection.execute(_SEE, topic, list(seen), list(seen.values()))


# -- tickets -------------------------------------------------------------------------------------

_TICKETS = """
SELECT ticket_id, desk, number, facts, is_over FROM tickets
WHERE ticket_id = ANY($1::uuid[]) ORDER BY ticket_id FOR UPDATE
"""
_SAVE_TICKETS = """
INSERT INTO tickets (ticket_id, desk, number, facts, is_over)
SELECT ticket_id, desk, number, facts, is_over
FROM jsonb_populate_recordset(NULL::tickets, $1::jsonb) ORDER BY ticket_id
ON CONFLICT (ticket_id) DO UPDATE SET facts = excluded.facts, is_over = excluded.is_over
"""


async def lock_tickets(
    connection: asyncpg.Connection, ticket_ids: Sequence[UUID]
) -> dict[UUID, Ticket]:
    """What is known of the tickets, locked: a breach and its ticket's end can't miss each other."""
    rows = await connection.fetch(_TICKETS, list(ticket_ids)) if ticket_ids else []
    return {row["ticket_id"]: Ticket(**dict(row.items())) for row in rows}


async def save_tickets(connection: asyncpg.Connection, tickets: Sequence[Ticket]) -> None:
    """Write what is known now."""
    if tickets:
        rows = [
            {
                "ticket_id": ticket.ticket_id,
                "desk": ticket.desk,
                "number": ticket.number,
                "facts": ticket.facts,
                "is_over": ticket.is_over,
            }
            for ticket in tickets
        ]
        await connection.execute(_SAVE_TICKETS, rows)


# -- pages ---------------------------------------------------------------------------------------

_INSERT_PAGES = """
INSERT INTO pages SELECT * FROM jsonb_populate_recordset(NULL::pages, $1::jsonb)
ON CONFLICT (id) DO NOTHING RETURNING id
"""
_UPDATE_PAGES = """
UPDATE pages SET state = new.state, step = new.step, round = new.round,
    next_step_at = new.next_step_at, acknowledged_at = new.acknowledged_at,
    acknowledged_by = new.acknowledged_by, resolved_at = new.resolved_at,
    resolution = new.resolution
FROM jsonb_populate_recordset(NULL::pages, $1::jsonb) AS new WHERE pages.id = new.id
"""
_OPEN_PAGES = """
SELECT * FROM pages WHERE subject = ANY($1::text[]) AND state <> 'resolved'
ORDER BY id FOR UPDATE
"""
_LOCK_PAGE = "SELECT * FROM pages WHERE id = $1 FOR UPDATE"
_PAGES_DUE = """
SELECT id, next_step_at FROM pages
WHERE next_step_at IS NOT NULL AND next_step_at < $1 ORDER BY next_step_at LIMIT $2
"""
_LOCK_SUBJECTS = """
SELECT pg_advisory_xact_lock(hashtextextended('pages of ' || subject, 0))
FROM unnest($1::text[]) AS subject
"""
# By id alone: the index of what is due would be read whole where much is.
_LOCK_FREE = """
SELECT * FROM pages WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE SKIP LOCKED
"""


async def insert_pages(connection: asyncpg.Connection, records: Sequence[PageRecord]) -> set[UUID]:
    """Write new pages; the ids of those that were not there yet."""
    if not records:
        return set()
    rows = await connection.fetch(_INSERT_PAGES, [page_as_row(record) for record in records])
    return {row["id"] for row in rows}


async def update_pages(connection: asyncpg.Connection, records: Sequence[PageRecord]) -> None:
    """Write where the pages are now; the caller has locked them."""
    if records:
        await connection.execute(_UPDATE_PAGES, [page_as_row(record) for record in records])


async def lock_open_pages(
    connection: asyncpg.Connection, subjects: Sequence[str]
) -> list[PageRecord]:
    """The pages of these tickets or incidents that are not resolved, locked. Until the transaction
    ends no other adds one: events on two topics at a time are still one alarm."""
    if subjects:
        await connection.execute(_LOCK_SUBJECTS, list(subjects))
    rows = await connection.fetch(_OPEN_PAGES, list(subjects)) if subjects else []
    return [page_from_row(row) for row in rows]


async def lock_page(connection: asyncpg.Connection, page_id: UUID) -> PageRecord | None:
    """One page, locked; None if there is none."""
    row = await connection.fetchrow(_LOCK_PAGE, page_id)
    return page_from_row(row) if row else None


async def pages_due(
    pool: asyncpg.Pool, horizon: datetime, limit: int
) -> list[tuple[datetime, UUID]]:
    """Which pages have a step that runs out before the horizon."""
    rows = await pool.fetch(_PAGES_DUE, horizon, limit)
    return [(row["next_step_at"], row["id"]) for row in rows]


async def lock_due_pages(
    connection: asyncpg.Connection, page_ids: Sequence[UUID], now: datetime
) -> list[PageRecord]:
    """Those of the pages whose step has run out and that no other replica is working on."""
    rows = await connection.fetch(_LOCK_FREE, list(page_ids))
    due = (row for row in rows if row["next_step_at"] is not None and row["next_step_at"] <= now)
    return [page_from_row(row) for row in due]


PAGE_STATES = tuple(state.value for state in PageState)
