"""Holds, in the service's own database, who may change the state that belongs to a partition.

The row `consumed(topic, partition, next_offset, epoch)` is both the consumer's position and a
fence: taking a partition over raises the epoch, every transaction names the epoch it was given,
and a former owner that resumes late finds no row to update.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

import asyncpg
import structlog

from pledge.runtime.outbox.writer import OutboxTransaction
from pledge.runtime.records import Partition, Record

log = structlog.get_logger()

_CLAIM = """
INSERT INTO consumed (topic, partition, next_offset, epoch)
SELECT topic, partition, 0, 1
FROM unnest($1::text[], $2::int[]) AS claimed(topic, partition)
ORDER BY topic, partition
ON CONFLICT (topic, partition) DO UPDATE SET epoch = consumed.epoch + 1
RETURNING topic, partition, next_offset, epoch, poison_run
"""
_ADVANCE = """
UPDATE consumed SET next_offset = $5
WHERE topic = $1 AND partition = $2 AND epoch = $3 AND next_offset = $4
"""
_POSITION = """
SELECT next_offset FROM consumed WHERE topic = $1 AND partition = $2 AND epoch = $3
"""
_COUNT_POISON = """
UPDATE consumed SET poison_run = $4 WHERE topic = $1 AND partition = $2 AND epoch = $3
"""
_HOLD = """
SELECT 1 FROM consumed WHERE topic = $1 AND partition = $2 AND epoch = $3 FOR NO KEY UPDATE
"""


class Fenced(Exception):
    """Another process owns the partition now; nothing of this transaction was kept."""


class AlreadyApplied(Exception):
    """The batch was committed before, and the database's response was lost."""


class PartitionOwner(Protocol):
    """What a service's workers ask of the process's partitions, apart from handling records."""

    def owned(self) -> frozenset[Partition]:
        """The partitions this process may write for."""
        ...

    def position(self, partition: Partition) -> int:
        """The offset up to which the partition's records are in the database. Raises Fenced."""
        ...

    def owned_transaction(
        self, partition: Partition
    ) -> AbstractAsyncContextManager[OutboxTransaction]:
        """A transaction in the name of the owner, never at the same time as one of its batches.

        Raises Fenced, and keeps nothing, when the partition is no longer ours.
        """
        ...

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The end offsets, asked of the broker now, of those of `partitions` that are ours.

        Raises KafkaError when the broker does not answer.
        """
        ...

    async def caught_up(self, partitions: Iterable[Partition]) -> frozenset[Partition]:
        """Those of `partitions` whose every record published until now is in the database.

        Raises KafkaError when the broker does not answer.
        """
        ...


@dataclass(slots=True)
class PartitionState:
    """A partition as its owner knows it, from assignment to revocation."""

    partition: Partition
    epoch: int
    next_offset: int
    poison_run: int
    # The timestamp of the record applied last; of the takeover, where none was since.
    newest_at: datetime | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    # Set when the group takes the partition away: what waits or retries for it gives up.
    is_revoked: bool = False
    # When the database said that another process has claimed it, by the monotonic clock.
    fenced_at: float | None = None
    # A gap that the consumer was told to seek back for: the offset wanted, the first that came.
    gap_seen: tuple[int, int] | None = None

    @property
    def is_owned(self) -> bool:
        """Whether, as far as this process knows, it may write for the partition."""
        return not self.is_revoked and self.fenced_at is None


def unapplied(state: PartitionState, records: Sequence[Record]) -> list[Record] | None:
    """The records not yet in the database; None when some before them are missing: seek back.

    When the same gap comes again, there is nothing to read: retention has removed the records. A
    batch that begins later proves nothing, since it may have been fetched before the seek.
    """
    rest = [record for record in records if record.offset >= state.next_offset]
    if not rest or rest[0].offset == state.next_offset:
        return rest
    gap = (state.next_offset, rest[0].offset)
    if state.gap_seen == gap:
        log.error(
            "records_gone_before_read",
            topic=state.partition.topic,
            partition=state.partition.number,
            offset=gap[0],
            next_offset=gap[1],
        )
        return rest
    if state.gap_seen is None or state.gap_seen[0] != gap[0] or state.gap_seen[1] > gap[1]:
        state.gap_seen = gap
    return None


async def claim(
    connection: asyncpg.Connection, partitions: frozenset[Partition]
) -> dict[Partition, PartitionState]:
    """Take over `partitions`: raise their epochs and read their next offsets."""
    ordered = sorted(partitions)
    rows = await connection.fetch(
        _CLAIM, [each.topic for each in ordered], [each.number for each in ordered]
    )
    states = {}
    for row in rows:
        partition = Partition(row["topic"], row["partition"])
        states[partition] = PartitionState(
            partition, row["epoch"], row["next_offset"], row["poison_run"]
        )
    return states


async def advance(connection: asyncpg.Connection, state: PartitionState, next_offset: int) -> None:
    """Move the partition's offset inside the caller's transaction.

    Raises Fenced when the partition is lost, AlreadyApplied when the offset is there already.
    """
    tag = await connection.execute(
        _ADVANCE,
        state.partition.topic,
        state.partition.number,
        state.epoch,
        state.next_offset,
        next_offset,
    )
    if tag == "UPDATE 1":
        return
    found = await connection.fetchval(
        _POSITION, state.partition.topic, state.partition.number, state.epoch
    )
    if found == next_offset:
        raise AlreadyApplied(f"{state.partition}: {next_offset} was reached before")
    raise Fenced(f"{state.partition}: epoch {state.epoch} is over")


async def count_poison(
    connection: asyncpg.Connection, state: PartitionState, poison_run: int
) -> None:
    """Store, inside the caller's transaction, how long the present run of poison is."""
    await connection.execute(
        _COUNT_POISON, state.partition.topic, state.partition.number, state.epoch, poison_run
    )


async def hold(connection: asyncpg.Connection, state: PartitionState) -> None:
    """Keep the partition ours until the caller's transaction ends; raises Fenced if it is lost."""
    row = await connection.fetchval(
        _HOLD, state.partition.topic, state.partition.number, state.epoch
    )
    if row is None:
        raise Fenced(f"{state.partition}: epoch {state.epoch} is over")


# Longer than any ordinary batch takes: a former owner that still runs finishes in this time.
GRACE = timedelta(seconds=2)

# A prepared transaction that blocks has the number 0; Pledge makes none.
_END_BLOCKERS = """
SELECT pid, pg_terminate_backend(pid) AS is_ended FROM unnest(pg_blocking_pids($1)) AS pid
WHERE pid <> 0
"""


async def take_over(
    pool: asyncpg.Pool, partitions: frozenset[Partition], *, grace: timedelta = GRACE
) -> dict[Partition, PartitionState]:
    """Claim `partitions`, ending transactions of others that hold them for longer than `grace`.

    Raises what `claim` raises; a lock timeout is a passing fault.
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
        return  # all connections are in use; the caller tries again
    except asyncpg.InsufficientPrivilegeError as error:
        log.warning("former_owner_not_ended", error=str(error))
        return
    for row in rows:
        log.warning("former_owner_ended", backend=row["pid"])
