"""Links to the portal that were asked for, and the sessions that they began."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

_ADD: Final = """
INSERT INTO sign_ins (id, desk, address, requested_at, expires_at, handled_at)
SELECT $1, $2, $3, $4, $5, NULL WHERE $6 > (
    SELECT count(*) FROM sign_ins WHERE desk = $2 AND address = $3 AND expires_at > $4)
RETURNING true
"""


async def add(
    pool: asyncpg.Pool, sign_in: UUID, desk: str, address: str,
    now: datetime, expires_at: datetime, limit: int,
) -> bool:  # fmt: skip
    """Write a wish for a link; False when the address has ``limit`` valid ones."""
    async with pool.acquire() as connection, connection.transaction():
        # One after the other for one address, so that the count holds.
        await connection.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", f"sign-in {desk} {address}"
        )
        return bool(await connection.fetchval(_ADD, sign_in, desk, address, now, expires_at, limit))


_WAITING: Final = """
SELECT requested_at, id FROM sign_ins WHERE handled_at IS NULL AND requested_at < $1
ORDER BY requested_at LIMIT $2
"""


async def waiting(
    pool: asyncpg.Pool, horizon: datetime, limit: int
) -> Sequence[tuple[datetime, UUID]]:
    """Links that nobody has mailed or given up, the oldest first."""
    rows = await pool.fetch(_WAITING, horizon, limit)
    return [(row["requested_at"], UUID(int=row["id"].int)) for row in rows]


class Taken(NamedTuple):
    """A link that is this replica's to mail."""

    desk: str
    address: str
    expires_at: datetime


_TAKE: Final = """
UPDATE sign_ins SET handled_at = $2 WHERE id = (
    SELECT id FROM sign_ins WHERE id = $1 AND handled_at IS NULL FOR UPDATE SKIP LOCKED)
RETURNING desk, address, expires_at
"""


async def take(
    connection: asyncpg.Connection | asyncpg.Pool, sign_in: UUID, now: datetime
) -> Taken | None:
    """Mark the link as handled; None: another replica does or did."""
    row = await connection.fetchrow(_TAKE, sign_in, now)
    return Taken(row["desk"], row["address"], row["expires_at"]) if row else None


_FORGET: Final = """
DELETE FROM sign_ins WHERE requested_at < $1 AND (used_at IS NULL OR used_at < $2)
"""


async def forget(pool: asyncpg.Pool, unused_before: datetime, used_before: datetime) -> None:
    """Delete links that were not used, which are of no use any more, and sessions that are over."""
    await pool.execute(_FORGET, unused_before, used_before)


_USE: Final = """
UPDATE sign_ins SET used_at = $3 WHERE id = $1 AND desk = $2 AND used_at IS NULL AND expires_at > $3
RETURNING true
"""


async def use(pool: asyncpg.Pool, sign_in: UUID, desk: str, now: datetime) -> bool:
    """Begin the link's session; False when it was used or is too old."""
    return bool(await pool.fetchval(_USE, sign_in, desk, now))


_ADDRESS: Final = """
SELECT address FROM sign_ins WHERE id = $1 AND desk = $2 AND used_at > $3 AND ended_at IS NULL
"""


async def address_of(
    pool: asyncpg.Pool, sign_in: UUID, desk: str, used_after: datetime
) -> str | None:
    """The address of a session that has not ended."""
    address: str | None = await pool.fetchval(_ADDRESS, sign_in, desk, used_after)
    return address


async def end(pool: asyncpg.Pool, sign_in: UUID, now: datetime) -> None:
    """End the session."""
    await pool.execute(
        "UPDATE sign_ins SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL", sign_in, now
    )
