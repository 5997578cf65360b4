"""Timers at work: each fires at its instant, once, by the owner of its partition.

Per owned partition a worker keeps the next minutes of wakes in memory and sleeps until the first
one. A wake fires only when the partition has been read to its end after the due instant: a reply
that already lies in Kafka must not become a breach because we are slow.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

import asyncpg
import structlog
from aiokafka.errors import KafkaError

from pledge.runtime.due import DueLoop
from pledge.runtime.outbox import OutboxTransaction
from pledge.runtime.ownership import Fenced
from pledge.runtime.records import Partition
from sla import store
from sla.consumer import Books, pieces
from sla.ledger import Ledger
from sla.tickets import Ticket

# While a partition lags, applied batches wake us; this only bounds the wait when none come.
LAG_POLL = timedelta(milliseconds=250)
# Partitions that fire at the same time. More would not be faster, but would take connections and
# turns from reading, from publishing what was fired, and from the API.
AT_ONCE = 3

log = structlog.get_logger()


class Owner(Protocol):
    """What a timer worker asks of the partition's consumer."""

    def owned_transaction(
        self, partition: Partition
    ) -> AbstractAsyncContextManager[OutboxTransaction]:
        """A transaction in the name of the owner, never beside one of its batches."""
        ...

    async def caught_up(self, partitions: Iterable[Partition]) -> frozenset[Partition]:
        """Those of `partitions` whose every record published until now is in the database."""
        ...


class PartitionTimers:
    """Fires the wakes of one partition for as long as it is ours."""

    def __init__(
        self,
        partition: Partition,
        books: Books,
        pool: asyncpg.Pool,
        owner: Owner,
        turns: asyncio.Semaphore,
    ) -> None:
        settings = books.settings
        self._partition = partition
        self._books = books
        self._pool = pool
        self._owner = owner
        self._turns = turns
        self._applied = asyncio.Event()
        self._behind_since: datetime | None = None
        self._loop: DueLoop[UUID] = DueLoop(
            books.clock,
            load=self._load,
            fire=self._fire,
            window=settings.timer_window,
            limit=settings.timers_in_memory,
            batch_limit=settings.fire_batch,
        )

    def __len__(self) -> int:
        """How many wakes are kept in memory."""
        return len(self._loop)

    def applied(self, tickets: Sequence[Ticket]) -> None:
        """A batch of facts was committed and left `tickets` so."""
        self._schedule(tickets)
        self._applied.set()

    async def run(self) -> None:
        """Fire what is due, until cancelled or until the partition is somebody else's."""
        try:
            await self._loop.run()
        except Fenced:
            log.info("timers of a partition go on elsewhere", partition=self._partition.number)

    def _schedule(self, tickets: Sequence[Ticket]) -> None:
        for ticket in tickets:
            if ticket.wake_at is None:
                self._loop.forget(ticket.ticket_id)
            else:
                self._loop.schedule(ticket.wake_at, ticket.ticket_id)

    async def _load(self, horizon: datetime, limit: int) -> list[tuple[datetime, UUID]]:
        async with self._pool.acquire() as connection:
            return await store.due_tickets(connection, self._partition, horizon, limit)

    async def _fire(self, batch: Sequence[tuple[datetime, UUID]]) -> None:
        until, is_provisional = await self._wait_until_read(len(batch))
        async with self._turns:
            await self._fire_now(batch, until, is_provisional=is_provisional)

    async def _fire_now(
        self, batch: Sequence[tuple[datetime, UUID]], until: datetime, *, is_provisional: bool
    ) -> None:
        clock, metrics = self._books.clock, self._books.metrics
        started = clock.monotonic()
        async with self._owner.owned_transaction(self._partition) as transaction:
            ledger = await self._books.open(
                transaction.connection, self._partition, [ticket_id for _, ticket_id in batch]
            )
            early: list[Ticket] = []
            for some in pieces(batch):
                early += _fire_all(ledger, some, until, is_provisional=is_provisional)
                await self._books.breathe()
            await store.save(transaction.connection, ledger.rows())
            transaction.publish(*ledger.messages)
        self._books.close(self._partition, ledger)
        self._schedule(ledger.tickets())
        self._schedule(early)
        metrics.fired.observe(clock.monotonic() - started)

    async def _wait_until_read(self, waiting: int) -> tuple[datetime, bool]:
        """Wait until the partition was read; the instant up to which it was.

        True with it: reading took too long, go on all the same.

        The bound counts from the first sight of the lag, and from anew while the broker is away:
        nothing could be published then.
        """
        clock = self._books.clock
        gauge = self._books.metrics.waiting.labels(str(self._partition.number))
        while True:
            self._applied.clear()
            asked_at = clock.now()
            has_answered, is_read = await self._ask()
            if is_read:
                self._behind_since = None
                gauge.set(0)
                return asked_at, False
            if self._behind_since is None or not has_answered:
                self._behind_since = clock.now()
            if clock.now() - self._behind_since >= self._books.settings.provisional_after:
                return asked_at, True
            gauge.set(waiting)
            await self._until_applied()

    async def _ask(self) -> tuple[bool, bool]:
        """Whether the broker answered, and whether we have read all it has."""
        try:
            caught_up = await self._owner.caught_up((self._partition,))
        except KafkaError as error:
            log.warning("can't ask how far the partition goes", error=repr(error))
            return False, False
        return True, self._partition in caught_up

    async def _until_applied(self) -> None:
        applied = asyncio.ensure_future(self._applied.wait())
        polled = asyncio.ensure_future(self._books.clock.sleep(LAG_POLL))
        try:
            await asyncio.wait({applied, polled}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            applied.cancel()
            polled.cancel()


def _fire_all(
    ledger: Ledger,
    batch: Sequence[tuple[datetime, UUID]],
    until: datetime,
    *,
    is_provisional: bool,
) -> list[Ticket]:
    """Fire what is due by `until`; returns the tickets whose time has meanwhile moved ahead."""
    early = []
    for _, ticket_id in batch:
        ticket = ledger.ticket(ticket_id)
        if ticket is None:
            continue
        if ticket.wake_at is None or ticket.wake_at > until:
            early.append(ticket)
        else:
            ledger.fire(ticket, until, is_provisional=is_provisional)
    return early


class TimerKeeper:
    """Keeps one `PartitionTimers` running for each partition that is ours."""

    def __init__(self, books: Books, pool: asyncpg.Pool) -> None:
        self._books = books
        self._pool = pool
        self._owner: Owner | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._workers: dict[Partition, PartitionTimers] = {}
        self._tasks: dict[Partition, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()

    def serve(self, owner: Owner) -> None:
        """Name the consumer that owns the partitions, before it starts."""
        self._owner = owner

    def assigned(self, partitions: frozenset[Partition]) -> None:
        """The partitions are ours: start to fire their timers."""
        if self._owner is None:
            raise RuntimeError("partitions were assigned before the consumer was named")
        for each in partitions:
            self._workers[each] = PartitionTimers(
                each, self._books, self._pool, self._owner, self._turns
            )
        self._changed.set()

    def revoked(self, partitions: frozenset[Partition]) -> None:
        """The partitions are ours no longer: their timers are left to the next owner."""
        for each in partitions:
            self._workers.pop(each, None)
            task = self._tasks.pop(each, None)
            if task is not None:
                task.cancel()
        self._changed.set()

    def applied(self, partition: Partition, tickets: Sequence[Ticket]) -> None:
        """A batch of the partition's facts was committed and left `tickets` so."""
        worker = self._workers.get(partition)
        if worker is not None:
            worker.applied(tickets)
        self._books.metrics.armed.set(sum(len(each) for each in self._workers.values()))

    async def run(self) -> None:
        """Run the workers of whatever is ours; an error in one of them ends all."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                for partition, worker in self._workers.items():
                    if partition not in self._tasks:
                        self._tasks[partition] = group.create_task(
                            worker.run(), name=f"timers-{partition.number}"
                        )
                await self._changed.wait()
