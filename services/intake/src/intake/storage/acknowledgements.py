"""Confirmations of new requests that wait for what is promised on them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg


async def add(connection: asyncpg.Connection, rows: Sequence[tuple[UUID, datetime]]) -> None:
    """Remember that these tickets are to be confirmed, at these instants at the latest."""
    await connection.copy_records_to_table(
        "acknowledgements", columns=("ticket_id", "due_at"), records=rows
    )


_HURRY: Final = """
UPDATE acknowledgements SET due_at = $2 WHERE ticket_id = ANY($1::uuid[]) AND due_at > $2
RETURNING ticket_id
"""


async def hurry(connection: asyncpg.Connection, tickets: Collection[UUID], now: datetime) -> bool:
    """What is promised on these tickets is known: confirm them now. Whether any waits."""
    return bool(await connection.fetch(_HURRY, sorted(tickets), now))


_WAITING: Final = """
SELECT due_at, ticket_id FROM acknowledgements WHERE due_at < $1 ORDER BY due_at LIMIT $2
"""


async def waiting(
    pool: asyncpg.Pool, horizon: datetime, limit: int
) -> Sequence[tuple[datetime, UUID]]:
    """What is to be confirmed, the earliest first."""
    rows = await pool.fetch(_WAITING, horizon, limit)
    return [(row["due_at"], UUID(int=row["ticket_id"].int)) for row in rows]


_TAKE: Final = """
DELETE FROM acknowledgements WHERE ticket_id = (
    SELECT ticket_id FROM acknowledgements WHERE ticket_id = $1 AND due_at <= $2
    FOR UPDATE SKIP LOCKED)
RETURNING true
"""


async def take(connection: asyncpg.Connection, ticket_id: UUID, now: datetime) -> bool:
    """Whether the ticket is this transaction's to confirm."""
    return bool(await connection.fetchval(_TAKE, ticket_id, now))


async def give_up(pool: asyncpg.Pool, ticket_id: UUID) -> None:
    """Never confirm the ticket."""
    await pool.execute("DELETE FROM acknowledgements WHERE ticket_id = $1", ticket_id)
