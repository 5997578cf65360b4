"""Puts open tickets under another policy version, by order, in parallel with everything else.

The owner of a ticket's partition does it in its own transaction, like everything that changes a
ticket: its epoch fences, its events go through the outbox, its timers are scheduled again.

Others hardly wait for it. A batch is worked out before the transaction begins, so that the
partition is held only while it is written; where something happened to one of its tickets
meanwhile, it is worked out again. Batches are small, a few at a time, with a pause after each that
is the longer the busier the machine is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
import structlog
from aiokafka.errors import KafkaError

from pledge.runtime.clock import SystemClock
from pledge.runtime.kafka.batch_fallback import apply_or_reject
from pledge.runtime.kafka.ownership import Fenced, PartitionOwner
from pledge.runtime.records import Partition
from pledge.runtime.retry import retry_while_away
from sla.assessment.context import AssessmentContext, chunks
from sla.assessment.ledger import Ledger
from sla.domain.policy.policy import Policy
from sla.reassessment.preview import WORDS
from sla.storage import reassessment_orders, store
from sla.storage.reassessment_orders import BY_CALENDARS, CHANGED, DONE, SET_ASIDE, Order
from sla.storage.ticket_cache import Ticket
from sla.timers.worker import TimerWorkers

# How soon an order is seen that another process was given.
LOOK_INTERVAL = timedelta(seconds=1)
# Partitions worked on at a time: while the database has one's batch, another's is computed.
AT_ONCE = 2
# A millisecond or two of work: whatever happens live takes a dozen turns of the event loop, and
# waits for one of these in each.
CHUNK = 10
FIRST = UUID(int=0)

log = structlog.get_logger()


@dataclass(slots=True)
class BatchResult:
    """The tickets of a batch that are done, and the counts by outcome."""

    done: list[UUID] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


class ReassessmentWorker:
    """Works off the orders for the partitions of this process."""

    def __init__(
        self,
        context: AssessmentContext,
        pool: asyncpg.Pool,
        owner: PartitionOwner,
        timers: TimerWorkers,
    ) -> None:
        self._context, self._pool, self._owner = context, pool, owner
        self._timers = timers
        self._woken = asyncio.Event()
        self._acknowledged: set[tuple[Order, Partition]] = set()
        # Two at a time would be no faster, and each would block the event loop twice as long.
        self._working_out = asyncio.Lock()
        # What waits here is the machine's work, which no clock moves that a test has.
        self._waits = SystemClock()

    def wake(self) -> None:
        """An order was given."""
        self._woken.set()

    async def run(self) -> None:
        """Work off orders until cancelled; faults of the database back off, others end it."""
        while True:
            self._woken.clear()
            await retry_while_away(self._work_off_all, on_retry=self._on_retry)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_INTERVAL.total_seconds()):
                    await self._woken.wait()

    def _on_retry(self, error: BaseException) -> None:
        # The commit may have been carried out and only its answer lost.
        self._timers.reload()
        log.warning("reassessment_waits_for_database", error=repr(error))

    async def _work_off_all(self) -> None:
        async with self._pool.acquire() as connection:
            found = await reassessment_orders.under_way(connection)
            # Afterwards, so that the version of every order found is known.
            await self._context.policies.learn(connection)
        self._acknowledged = {each for each in self._acknowledged if each[0] in found}
        for order in found:
            await self._work_off(order)
            await self._finish(order)

    async def _finish(self, order: Order) -> None:
        async with self._pool.acquire() as connection:
            outdated = self._context.policies.outdated(order.desk)
            now = self._context.clock.now()
            if not await reassessment_orders.finish(connection, order, outdated, now):
                self.wake()

    async def _work_off(self, order: Order) -> None:
        """Some partitions at a time, until nothing of ours is left but what must wait."""
        policies = self._context.policies
        async with self._pool.acquire() as connection:
            await policies.ensure(connection, [(order.desk, order.version)])
        # None: each ticket goes on under the newest revision of its own version.
        policy: Policy | None = None
        if order.reason != BY_CALENDARS:
            policy = policies.version(order.desk, policies.newest(order.desk, order.version))
        homes = iter(sorted(self._owner.owned()))
        tasks = [
            asyncio.create_task(self._go_through(order, policy, homes)) for _ in range(AT_ONCE)
        ]
        try:
            # Not a task group: whether the error of one will pass is asked of the error itself.
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _go_through(
        self, order: Order, policy: Policy | None, homes: Iterator[Partition]
    ) -> None:
        """One partition after the other, each to its end."""
        for home in homes:
            with suppress(Fenced):
                await self._acknowledge(order, home)
            after = FIRST
            while True:
                started = self._waits.monotonic()
                after = await self._batch(order, policy, home, after)
                if after == FIRST:
                    break
                took = timedelta(seconds=self._waits.monotonic() - started)
                await self._waits.sleep(took * self._context.settings.reassess_pause)

    async def _acknowledge(self, order: Order, home: Partition) -> None:
        """What of the partition is under way may not know of the order; what comes next does."""
        if (order, home) not in self._acknowledged:
            async with self._owner.owned_transaction(home) as transaction:
                await reassessment_orders.acknowledge(transaction.connection, order, home)
            self._acknowledged.add((order, home))

    async def _batch(
        self, order: Order, policy: Policy | None, home: Partition, after: UUID
    ) -> UUID:
        """Re-assess the next tickets of a partition; the last one's id, FIRST at the end."""
        limit = self._context.settings.reassess_batch
        try:
            async with self._pool.acquire() as connection:
                ids = await reassessment_orders.next_tickets(connection, order, home, after, limit)
            if not ids:
                return FIRST
            await apply_or_reject(
                ids,
                apply=lambda some: self._transact(order, policy, home, some),
                reject=lambda one, error: self._set_aside(order, home, one, error),
            )
        except Fenced:
            return FIRST
        return ids[-1]

    async def _set_aside(
        self, order: Order, home: Partition, ticket_id: UUID, error: Exception
    ) -> None:
        """A ticket that can't be re-assessed keeps its version, and goes into quarantine."""
        quarantine = self._timers.quarantine
        async with self._owner.owned_transaction(home) as transaction:
            connection = transaction.connection
            await quarantine.set_aside(connection, home, ticket_id, "takeover", error)
            counts = {DONE: 1, SET_ASIDE: 1}
            await reassessment_orders.mark_done(connection, order, home, [ticket_id], counts)
        quarantine.report(ticket_id, "takeover", error)

    async def _transact(
        self, order: Order, policy: Policy | None, home: Partition, ids: Sequence[UUID]
    ) -> None:
        read_until = await self._read_until(home)
        async with self._pool.acquire() as connection:
            version = await store.rows_version(connection, ids)
            ledger = await self._open(connection, ids)
        result = await self._take_over(ledger, policy, ids, read_until)
        async with self._owner.owned_transaction(home) as transaction:
            connection = transaction.connection
            self._context.cache.begin(home, ids)
            if await store.rows_version(connection, ids) != version:
                ledger = await self._open(connection, ids)
                result = await self._take_over(ledger, policy, ids, read_until)
            await store.save(connection, ledger.rows())
            await reassessment_orders.mark_done(connection, order, home, result.done, result.counts)
            transaction.publish(*ledger.messages)
        self._context.close(home, ledger, keeps_new=False)
        self._timers.applied(home, ledger.tickets())

    async def _open(self, connection: asyncpg.Connection, ids: Sequence[UUID]) -> Ledger:
        """A ledger on the tickets as committed. What is in memory is its owner's to touch."""
        context = self._context
        known = await store.load_tickets(connection, ids)
        await context.policies.fetch(connection, known.values())
        return Ledger(
            known, context.policies, now=context.clock.now(), late_after=context.settings.late_after
        )

    async def _take_over(
        self,
        ledger: Ledger,
        policy: Policy | None,
        ids: Sequence[UUID],
        read_until: datetime | None,
    ) -> BatchResult:
        """Enter in the ledger what the version changes."""
        result = BatchResult()
        async with self._working_out:
            for chunk in chunks(ids, CHUNK):
                for ticket_id in chunk:
                    ticket = ledger.ticket(ticket_id)
                    if ticket is None or self._is_left_alone(ticket, policy):
                        result.done.append(ticket_id)
                    else:
                        _reassess_ticket(ledger, ticket, policy, read_until, result)
                await self._context.yield_to_loop()
        result.counts[DONE] = len(result.done)
        return result

    def _is_left_alone(self, ticket: Ticket, policy: Policy | None) -> bool:
        """Whether nothing is to be done, or nobody can tell what its present version promises."""
        policies = self._context.policies
        if ticket.is_closed or policies.why_waiting(ticket) is not None:
            return True
        if policy is None:
            return policies.revision_of(ticket) is None
        return ticket.policy_version == policy.version

    async def _read_until(self, home: Partition) -> datetime | None:
        """The instant up to which the partition has been read; None when it lags."""
        asked_at = self._context.clock.now()
        try:
            caught_up = await self._owner.caught_up((home,))
        except KafkaError as error:
            log.info("partition_position_unknown", error=repr(error))
            return None
        return asked_at if home in caught_up else None


def _reassess_ticket(
    ledger: Ledger,
    ticket: Ticket,
    policy: Policy | None,
    read_until: datetime | None,
    result: BatchResult,
) -> None:
    """Put one ticket under `policy`, or its newest revision, unless it must wait.

    While its partition lags, nobody knows whether what is due was missed: those tickets wait, and
    of others only what is known up to their newest fact is published.
    """
    is_due = ticket.wake_at is not None and ticket.wake_at <= ledger.now
    if is_due and read_until is None:
        return
    until = read_until or min(ticket.newest_at, ledger.now)
    if policy is None:
        changes = ledger.revise(ticket, until)
    else:
        changes = ledger.take_over(ticket, policy, until)
    words = [WORDS[each.kind] for each in changes if each.kind in WORDS]
    result.done.append(ticket.ticket_id)
    result.counts.update(words)
    result.counts[CHANGED] += bool(words)
