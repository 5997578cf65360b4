"""Takes partitions over from an owner that does not let go.

A process that was frozen in the middle of a transaction keeps the lock on its row of `consumed`:
for as long as PostgreSQL lets a transaction be idle, and longer when it froze while it was sending
rows. By then the group has given its partitions away, so its transaction could only be fenced; it
is ended, and whatever it wrote is rolled back.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

import asyncpg
import structlog

from pledge.runtime.ownership import PartitionState, claim
from pledge.runtime.records import Partition

# Longer than any ordinary batch takes: a former owner that works at all finishes in this time.
GRACE = timedelta(seconds=2)

# A prepared transaction that blocks has the number 0; Pledge makes none.
_END_BLOCKERS = """
SELECT pid, pg_terminate_backend(pid) AS is_ended FROM unnest(pg_blocking_pids($1)) AS pid
WHERE pid <> 0
"""

log = structlog.get_logger()


async def take_over(
    pool: asyncpg.Pool, partitions: frozenset[Partition], *, grace: timedelta = GRACE
) -> dict[Partition, PartitionState]:
    """Claim `partitions`, ending transactions of others that hold them for longer than `grace`.

    Raises what `claim` raises; a lock that can't be had is a passing fault.
    """
    async with pool.acquire() as connection:
        claiming = asyncio.ensure_future(claim(connection, partitions))
        try:
            while not claiming.done():
                await asyncio.wait({claiming}, timeout=grace.total_seconds())
                if not claiming.done():
                    await _end_blockers(pool, connection.get_server_pid(), grace)
            return claiming.result()
        finally:
            claiming.cancel()
            await asyncio.wait({claiming})


async def _end_blockers(pool: asyncpg.Pool, waiting: int, grace: timedelta) -> None:
    """End the transactions that the backend `waiting` waits for, if we may."""
    try:
        async with pool.acquire(timeout=grace.total_seconds()) as connection:
            rows = await connection.fetch(_END_BLOCKERS, waiting)
    except TimeoutError:
        return  # all connections are at work; there is another chance
    except asyncpg.InsufficientPrivilegeError as error:
        log.warning("a former owner holds partitions and can't be ended", error=str(error))
        return
    for row in rows:
        log.warning("ended the transaction of a former owner", backend=row["pid"])
