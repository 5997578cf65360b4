"""Tickets set aside: one that can't be worked on holds up no other, and is not forgotten.

What a bad record is on the bus, such a ticket is in the database: a fault of ours, of a policy or
of what was stored, that comes back however often it is tried. Passing faults never lead here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

import asyncpg
import structlog
from pydantic import TypeAdapter

from pledge.runtime.cursors import Cursors
from pledge.runtime.instants import Instant, utc_text
from pledge.runtime.kafka.ownership import Fenced, PartitionOwner
from pledge.runtime.records import Partition
from pledge.runtime.retry import retry_while_away
from sla.assessment.context import AssessmentContext
from sla.storage import reassessment_orders

What = Literal["wake", "takeover"]
# A ticket and its desk, as timers know what is to fire.
Wake = tuple[UUID, str]
OnReleased = Callable[[Partition, datetime, Wake], None]

CURSORS = Cursors(TypeAdapter(tuple[Instant, UUID]))
# How soon a release is seen that another process was asked for.
LOOK_INTERVAL = timedelta(seconds=1)
# A reason comes from an exception; it may hold a whole document.
LONGEST_REASON = 500

# A ticket whose timers stand still keeps saying so when a takeover of it fails as well.
_SET_ASIDE = """
INSERT INTO quarantine (ticket_id, topic, partition, desk, number, what, reason, since)
SELECT ticket_id, topic, partition, desk, number, $2, $3, $4 FROM tickets WHERE ticket_id = $1
ON CONFLICT (ticket_id) DO UPDATE SET reason = excluded.reason, since = excluded.since,
    what = CASE WHEN quarantine.what = 'wake' THEN 'wake' ELSE excluded.what END,
    release_asked_at = NULL
"""
_STAND_STILL = "UPDATE tickets SET wake_at = NULL WHERE ticket_id = $1"
# Of others: what is set aside already and fails once more is no further one.
_HELD = "SELECT count(*) FROM quarantine WHERE release_asked_at IS NULL AND ticket_id <> $1"
_LIST = """
SELECT * FROM quarantine WHERE desk = ANY($1::text[])
  AND ($2::timestamptz IS NULL OR (since, ticket_id) > ($2, $3::uuid))
ORDER BY since, ticket_id LIMIT $4
"""
_ASK = """
UPDATE quarantine SET release_asked_at = $3
WHERE desk = ANY($1::text[]) AND ($2::uuid[] IS NULL OR ticket_id = ANY($2))
RETURNING ticket_id
"""
_ASKED = """
SELECT ticket_id, topic, partition, desk FROM quarantine WHERE release_asked_at IS NOT NULL
"""
_RELEASE = """
DELETE FROM quarantine WHERE ticket_id = $1 AND release_asked_at IS NOT NULL RETURNING what
"""
_WAKE = "UPDATE tickets SET wake_at = least(wake_at, $2) WHERE ticket_id = $1"
_COUNTS = "SELECT desk, count(*) AS tickets FROM quarantine GROUP BY desk"

log = structlog.get_logger()


class QuarantineFull(Exception):
    """So many tickets can't be worked on that the fault is hardly in them."""


class Quarantine:
    """Sets tickets aside, and takes those back whose release was asked for."""

    def __init__(self, context: AssessmentContext, pool: asyncpg.Pool) -> None:
        self._context, self._pool = context, pool
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """A release was asked for."""
        self._woken.set()

    async def set_aside(
        self,
        connection: asyncpg.Connection,
        home: Partition,
        ticket_id: UUID,
        what: What,
        error: Exception,
    ) -> None:
        """Set a ticket aside in its owner's transaction. Raises QuarantineFull."""
        context = self._context
        limit = context.settings.quarantine_limit
        if await connection.fetchval(_HELD, ticket_id) >= limit:
            raise QuarantineFull(
                f"{limit} tickets are set aside, and now {ticket_id} can't be worked on either"
                f" ({type(error).__name__}: {error}). Nothing more is set aside: mend this service"
                " or the policy. If it really is the tickets, release those (pledge sla quarantine"
                " release) or raise PLEDGE_SLA_QUARANTINE_LIMIT"
            ) from error
        # What is kept in memory of it is read again: it does not wake any more.
        context.cache.begin(home, [ticket_id])
        reason = f"{type(error).__name__}: {error}".replace("\0", "")[:LONGEST_REASON]
        await connection.execute(_SET_ASIDE, ticket_id, what, reason, context.clock.now())
        if what == "wake":
            await connection.execute(_STAND_STILL, ticket_id)

    def report(self, ticket_id: UUID, what: What, error: Exception) -> None:
        """Count and log a ticket that was set aside, once that is committed."""
        self._context.metrics.quarantined.labels(what).inc()
        log.error(
            "ticket_quarantined",
            ticket_id=str(ticket_id),
            what=what,
            exc_info=error,
        )

    async def run(self, owner: PartitionOwner, on_released: OnReleased) -> None:
        """Take tickets back until cancelled; faults of the database back off, others end it."""
        while True:
            self._woken.clear()
            await retry_while_away(
                lambda: self._release_asked(owner, on_released),
                on_retry=lambda error: log.warning("releases_wait_for_database", error=repr(error)),
            )
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_INTERVAL.total_seconds()):
                    await self._woken.wait()

    async def _release_asked(self, owner: PartitionOwner, on_released: OnReleased) -> None:
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_ASKED)
        for row in rows:
            home = Partition(row["topic"], row["partition"])
            if home in owner.owned():
                with suppress(Fenced):
                    await self._release(owner, home, (row["ticket_id"], row["desk"]), on_released)

    async def _release(
        self,
        owner: PartitionOwner,
        home: Partition,
        wake: Wake,
        on_released: OnReleased,
    ) -> None:
        """Look at the ticket again, at once, and put it under the version that it was to be under.

        What fails again is set aside again.
        """
        now, (ticket_id, desk) = self._context.clock.now(), wake
        async with owner.owned_transaction(home) as transaction:
            self._context.cache.begin(home, [ticket_id])
            # Whatever it was set aside for: an order may have struck it off meanwhile.
            if await transaction.connection.fetchval(_RELEASE, ticket_id) is not None:
                await reassessment_orders.take_again(transaction.connection, ticket_id, desk)
            await transaction.connection.execute(_WAKE, ticket_id, now)
        log.info("ticket_released", ticket_id=str(ticket_id))
        on_released(home, now, wake)


async def listed(
    connection: asyncpg.Connection, desks: Collection[str], cursor: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of the tickets set aside of these desks, oldest first, as the API gives them, and
    the cursor of the next. Raises BadCursor."""
    since, ticket_id = CURSORS.decode(cursor) if cursor is not None else (None, None)
    rows = await connection.fetch(_LIST, sorted(desks), since, ticket_id, limit + 1)
    shown, following = CURSORS.page(rows, limit, lambda row: (row["since"], row["ticket_id"]))
    items = [
        {
            "ticket_id": str(row["ticket_id"]),
            "number": row["number"],
            "desk": row["desk"],
            "what": row["what"],
            "reason": row["reason"],
            "since": utc_text(row["since"]),
            "release_asked_at": utc_text(row["release_asked_at"]),
        }
        for row in shown
    ]
    return items, following


async def ask_release(
    connection: asyncpg.Connection,
    desks: Collection[str],
    tickets: Sequence[UUID] | None,
    now: datetime,
) -> int:
    """Ask that these tickets, or all of the desks', be taken back; how many there are."""
    return len(await connection.fetch(_ASK, sorted(desks), tickets, now))


async def counts(connection: asyncpg.Connection) -> dict[str, int]:
    """How many tickets are set aside, by desk."""
    return {row["desk"]: row["tickets"] for row in await connection.fetch(_COUNTS)}
