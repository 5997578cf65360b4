"""Who may change the state that belongs to a partition, held in the service's own database.

The row `consumed(topic, partition, next_offset, epoch)` is both the consumer's position and a
fence: taking a partition over raises the epoch, every transaction names the epoch it was given,
and a former owner that wakes up late finds no row to update.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

import asyncpg
import structlog

from pledge.runtime.clock import SystemClock
from pledge.runtime.database import is_retriable
from pledge.runtime.records import Partition, Record

# A database that is away is asked again after 0.1 s, 0.2 s, … and then every 5 s.
FIRST_BACKOFF = timedelta(milliseconds=100)
LONGEST_BACKOFF = timedelta(seconds=5)

T = TypeVar("T")

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
    """Somebody else owns the partition now; nothing of this transaction was kept."""


class AlreadyApplied(Exception):
    """The batch is in the database: it was committed, but the answer did not reach us."""


@dataclass(slots=True)
class PartitionState:
    """What the owner of a partition knows about it, from assignment to revocation."""

    partition: Partition
    epoch: int
    next_offset: int
    poison_run: int
    # The timestamp of the record applied last; of the takeover, where none was since.
    newest_at: datetime | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    # Set when the group takes the partition away: work that waits or retries gives up.
    is_revoked: bool = False
    # Set when the database says that somebody else claimed it.
    is_fenced: bool = False
    # A gap we have asked the consumer to seek back for: the offset wanted, the first that came.
    sought: tuple[int, int] | None = None

    @property
    def is_owned(self) -> bool:
        """Whether, as far as this process knows, it may write for the partition."""
        return not (self.is_revoked or self.is_fenced)


def follow_on(state: PartitionState, records: Sequence[Record]) -> list[Record] | None:
    """The records not yet in the database; None: some are missing before them, seek back for those.

    When the same gap comes again, nothing is there to be read: retention has removed it. A batch
    that begins later proves nothing, since it may have been on its way when we sought back.
    """
    unseen = [record for record in records if record.offset >= state.next_offset]
    if not unseen or unseen[0].offset == state.next_offset:
        return unseen
    gap = (state.next_offset, unseen[0].offset)
    if state.sought == gap:
        log.error(
            "records were gone before they were read",
            topic=state.partition.topic,
            partition=state.partition.number,
            offset=gap[0],
            next_offset=gap[1],
        )
        return unseen
    if state.sought is None or state.sought[0] != gap[0] or state.sought[1] > gap[1]:
        state.sought = gap
    return None


async def claim(
    connection: asyncpg.Connection, partitions: frozenset[Partition]
) -> dict[Partition, PartitionState]:
    """Take over `partitions`: raise their epochs and learn where to go on reading."""
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
    """Remember, inside the caller's transaction, how long the present run of poison is."""
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


async def retry_while_away(
    work: Callable[[], Awaitable[T]],
    *,
    on_retry: Callable[[BaseException], None],
    give_up: Callable[[], bool] = lambda: False,
    passing: tuple[type[BaseException], ...] = (),
) -> T:
    """Do `work` until it succeeds, backing off while the database or the broker is away.

    It waits in real time: an outage does not follow a clock that a test moves.
    Errors of the types in `passing` count as passing faults beside those of the database.
    Raises what `work` raised when that is no passing fault, or once `give_up` says so.
    """
    wait = FIRST_BACKOFF
    while True:
        try:
            return await work()
        except Exception as error:
            if not (is_retriable(error) or isinstance(error, passing)) or give_up():
                raise
            on_retry(error)
        await SystemClock().sleep(wait)
        wait = min(wait * 2, LONGEST_BACKOFF)
