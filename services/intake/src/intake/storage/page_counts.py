"""How many deliveries asked for a page, and how many automatic answers an address got, lately."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import asyncpg

from intake.domain.thread_matching import Key

OLD_AT_ONCE: Final = 1_000
"""Counts of earlier windows that are removed with each batch that counts."""

_COUNT: Final = """
INSERT INTO page_counts AS known (key, until, pages)
SELECT key, $4, pages FROM unnest($1::bytea[], $2::bigint[]) AS new(key, pages) ORDER BY key
ON CONFLICT (key) DO UPDATE SET
    pages = CASE WHEN known.until <= $3 THEN 0 ELSE known.pages END + EXCLUDED.pages,
    until = CASE WHEN known.until <= $3 THEN EXCLUDED.until ELSE known.until END
RETURNING key, pages
"""
_REMOVE: Final = """
DELETE FROM page_counts WHERE key IN (
    SELECT key FROM page_counts WHERE until <= $1 LIMIT $2 FOR UPDATE SKIP LOCKED
)
"""


async def count(
    connection: asyncpg.Connection, wanted: Mapping[Key, int], now: datetime, until: datetime
) -> dict[Key, int]:
    """Add so many to each key; gives the sums of the windows that run. In key order, so that two
    transactions with the same keys wait for one another instead of deadlocking."""
    rows = await connection.fetch(_COUNT, list(wanted), list(wanted.values()), now, until)
    return {row["key"]: row["pages"] for row in rows}


async def remove_old(connection: asyncpg.Connection, now: datetime) -> None:
    """Remove counts whose window is over, so many at most."""
    await connection.execute(_REMOVE, now, OLD_AT_ONCE)
