"""Tickets set aside: one that can't be worked on holds up no other, and is not forgotten.

What a bad record is on the bus, such a ticket is in the database: a fault of ours, of a policy or
of what was stored, that comes back however often it is tried. Passing faults never lead here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import structlog

from pledge.runtime.kafka.ownership import Fenced, PartitionOwner
from pledge.runtime.records import Partition
from pledge.runtime.retry import retry_while_away
from sla.assessment.context import AssessmentContext
from sla.storage import quarantine, reassessment_orders, store
from sla.storage.quarantine import LONGEST_REASON, What
from sla.storage.rows import Wake

OnReleased = Callable[[Partition, datetime, Wake], None]

# How soon a release is seen that another process took the request for.
LOOK_INTERVAL = timedelta(seconds=1)

log = structlog.get_logger()


class QuarantineFull(Exception):
    """So many tickets can't be worked on that the fault is hardly in them."""


class Quarantine:
    """Sets tickets aside, and takes those back whose release was requested."""

    def __init__(self, context: AssessmentContext, pool: asyncpg.Pool) -> None:
        self._context, self._pool = context, pool
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """A release was requested."""
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
        if await quarantine.count_others(connection, ticket_id) >= limit:
            raise QuarantineFull(
                f"{limit} tickets are set aside, and now {ticket_id} can't be worked on either"
                f" ({type(error).__name__}: {error}). Nothing more is set aside: mend this service"
                " or the policy. If it really is the tickets, release those (pledge sla quarantine"
                " release) or raise PLEDGE_SLA_QUARANTINE_LIMIT"
            ) from error
        # What is kept in memory of it is read again: it does not wake any more.
        context.cache.begin(home, [ticket_id])
        reason = f"{type(error).__name__}: {error}".replace("\0", "")[:LONGEST_REASON]
        await quarantine.insert(connection, ticket_id, what, reason, context.clock.now())

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
            requested = await quarantine.requested_releases(connection)
        for home, wake in requested:
            if home in owner.owned():
                with suppress(Fenced):
                    await self._release(owner, home, wake, on_released)

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
        try:
            async with owner.owned_transaction(home) as transaction:
                connection = transaction.connection
                self._context.cache.begin(home, [ticket_id])
                # Whatever it was set aside for: an order may have removed it meanwhile.
                what = await quarantine.release(connection, ticket_id)
                if what is not None:
                    await reassessment_orders.relist(connection, ticket_id, desk)
                if what == "policy":
                    await self._promise(connection, ticket_id)
                await quarantine.wake(connection, ticket_id, now)
        finally:
            # Also after an error: the release may be committed and only its answer lost. A ticket
            # that is woken in vain is looked up and left alone.
            on_released(home, now, wake)
        log.info("ticket_released", ticket_id=str(ticket_id))

    async def _promise(self, connection: asyncpg.Connection, ticket_id: UUID) -> None:
        """A ticket that was opened while its desk was set aside gets the version of its opening."""
        tickets = await store.load_tickets(connection, [ticket_id])
        for ticket in tickets.values():
            opened_at = ticket.opened.occurred_at
            policy = self._context.policies.for_opening(ticket.desk, opened_at)
            if policy is not None and ticket.policy_version is None:
                await quarantine.promise(connection, ticket_id, policy.version)
