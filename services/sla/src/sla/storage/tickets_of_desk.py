"""The tickets of one desk, a page at a time, in the order of their ids."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import asyncpg

# An incident never closes: it is open while a promise on it runs.
IS_OPEN = """
NOT is_closed AND (topic = 'ticket.events.v1' OR EXISTS (
    SELECT FROM timers
    WHERE timers.ticket_id = tickets.ticket_id AND state IN ('running', 'paused')))
"""

_COUNT = "SELECT count(*) FROM tickets WHERE desk = $1"


async def count(connection: asyncpg.Connection, desk: str) -> int:
    """How many tickets the desk ever had."""
    return int(await connection.fetchval(_COUNT, desk))


_OPENED_WITHIN = """
SELECT page.ticket_id, (
    SELECT occurred_at >= $3 AND occurred_at < $4 FROM facts
    WHERE facts.ticket_id = page.ticket_id AND type IN ('opened', 'incident_opened')
    ORDER BY sequence LIMIT 1) AS is_within
FROM (
    SELECT ticket_id FROM tickets WHERE ticket_id > $1 AND desk = $2 ORDER BY ticket_id LIMIT $5
) AS page ORDER BY page.ticket_id
"""


async def opened_within(
    connection: asyncpg.Connection,
    desk: str,
    since: datetime,
    until: datetime,
    after: UUID,
    limit: int,
) -> list[tuple[UUID, bool]]:
    """The next tickets, each with whether it was opened from `since` up to `until`."""
    rows = await connection.fetch(_OPENED_WITHIN, after, desk, since, until, limit)
    return [(row["ticket_id"], bool(row["is_within"])) for row in rows]


_OPEN = f"""
SELECT ticket_id FROM tickets
WHERE ticket_id > $1 AND desk = $2 AND {IS_OPEN}
ORDER BY ticket_id LIMIT $3
"""  # noqa: S608 - a condition of our own


async def open_tickets(
    connection: asyncpg.Connection, desk: str, after: UUID, limit: int
) -> list[UUID]:
    """The next tickets that are open."""
    rows = await connection.fetch(_OPEN, after, desk, limit)
    return [row["ticket_id"] for row in rows]
