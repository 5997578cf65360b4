"""Fires timers: each at its due instant, once, by the owner of its partition.

Per owned partition a worker keeps the next minutes of wakes in memory and sleeps until the first
one. A wake fires only when the partition has been read to its end after the due instant: a reply
that is already in Kafka must not become a breach because of lag.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import asyncpg
import structlog

from pledge.runtime.kafka.batch_fallback import apply_or_reject
from pledge.runtime.kafka.ownership import Fenced, PartitionOwner
from pledge.runtime.records import Partition
from pledge.runtime.scheduling.due_loop import DueLoop
from pledge.runtime.scheduling.fair_semaphore import FairSemaphore
from sla.assessment.context import AssessmentContext, chunks
from sla.assessment.ledger import Ledger
from sla.storage import store
from sla.storage.rows import Wake
from sla.storage.ticket_cache import Ticket
from sla.timers.quarantine import Quarantine
from sla.timers.read_barrier import ReadBarrier

# While a partition lags, applied batches wake us; this only bounds the wait when none come.
LAG_POLL = timedelta(milliseconds=250)
# Batches that fire at the same time: while the database stores some, another is computed. More
# would take connections from reading and from the API.
AT_ONCE = 2
# One of these turns is kept for batches of at most so many tickets, which are soon done.
SMALL = 20
# Tickets of a batch while another desk has something due in the same partition: its promises wait
# until the batch is stored.
SHARED_BATCH = 50
# Tickets that are fired between two looks at what else waits, some two milliseconds of work.
AT_A_STRETCH = 20
# Tickets are read so long before they are due: often enough not to be crowded out of memory
# before, seldom enough to read many at a time.
PREPARED_AHEAD = timedelta(seconds=2)

log = structlog.get_logger()


class PartitionTimers:
    """Fires the wakes of one partition for as long as it is ours."""

    def __init__(
        self,
        partition: Partition,
        context: AssessmentContext,
        pool: asyncpg.Pool,
        owner: PartitionOwner,
        read_barrier: ReadBarrier,
        turns: FairSemaphore,
        quarantine: Quarantine,
        on_shared: Callable[[], None],
    ) -> None:
        settings = context.settings
        self._quarantine = quarantine
        self._partition = partition
        self._context = context
        self._pool = pool
        self._owner = owner
        self._read_barrier = read_barrier
        self._turns = turns
        # Set, and replaced, with each batch that is applied: whoever waits has taken it before.
        self._applied = asyncio.Event()
        self._behind_since: datetime | None = None
        self._loop: DueLoop[Wake] = DueLoop(
            context.clock,
            load=self._load,
            fire=self._fire,
            window=settings.timer_window,
            limit=settings.timers_in_memory,
            batch_limit=settings.fire_batch,
            # A partition fires one batch at a time.
            shared_limit=min(settings.fire_batch, SHARED_BATCH),
            on_shared=on_shared,
            # A desk with very much to fire holds up no other desk.
            lane_of=_desk_of,
            prepare=self._prepare,
            ahead=PREPARED_AHEAD,
        )

    def __len__(self) -> int:
        """How many wakes are kept in memory."""
        return len(self._loop)

    def applied(self, tickets: Sequence[Ticket]) -> None:
        """A batch of facts was committed and left `tickets` so."""
        self._schedule(tickets)
        self._applied.set()
        self._applied = asyncio.Event()

    def schedule(self, due_at: datetime, wake: Wake) -> None:
        """A wake was committed otherwise than by facts or by firing."""
        self._loop.schedule(due_at, wake)

    def reload(self) -> None:
        """Read the wakes again: memory may not hold what was committed."""
        self._loop.reload()

    async def run(self) -> None:
        """Fire what is due, until cancelled or until the partition is somebody else's."""
        try:
            await self._loop.run()
        except Fenced:
            log.info("partition_timers_stopped", partition=self._partition.number)

    def _schedule(self, tickets: Sequence[Ticket]) -> None:
        for ticket in tickets:
            wake = (ticket.ticket_id, ticket.desk)
            if ticket.wake_at is None:
                self._loop.forget(wake)
            else:
                self._loop.schedule(ticket.wake_at, wake)

    async def _load(self, horizon: datetime, limit: int) -> list[tuple[datetime, Wake]]:
        async with self._pool.acquire() as connection:
            return await store.due_tickets(connection, self._partition, horizon, limit)

    async def _prepare(self, wakes: Sequence[Wake]) -> None:
        """Read and assess the tickets now, so that little is left to do when they are due."""
        context, cache = self._context, self._context.cache
        missing = [ticket_id for ticket_id, _ in wakes if cache.get(ticket_id) is None]
        if not missing:
            return
        try:
            async with self._owner.owned_transaction(self._partition) as transaction:
                cache.begin(self._partition, missing)
                tickets = await store.load_tickets(transaction.connection, missing)
                await context.policies.fetch(transaction.connection, tickets.values())
                cache.commit(self._partition, tickets.values())
        except Fenced:
            return  # whoever owns the partition now prepares them
        for some in chunks(list(tickets.values()), AT_A_STRETCH):
            for ticket in some:
                if context.policies.why_waiting(ticket) is not None:
                    continue
                policy = context.policies.of(ticket)
                if policy is not None and not ticket.earlier:
                    ticket.assessor.assess(ticket.facts, policy)
            await context.yield_to_loop()

    async def _fire(self, batch: Sequence[tuple[datetime, Wake]]) -> None:
        until, is_provisional = await self._wait_until_read(len(batch))
        desk = _desk_of(batch[0][1])
        async with self._turns.slot(desk, len(batch)):
            await apply_or_reject(
                batch,
                apply=lambda some: self._fire_now(some, until, is_provisional=is_provisional),
                reject=self._set_aside,
            )

    async def _set_aside(self, due: tuple[datetime, Wake], error: Exception) -> None:
        """A ticket that can't be assessed or stored goes into quarantine."""
        ticket_id = due[1][0]
        async with self._owner.owned_transaction(self._partition) as transaction:
            await self._quarantine.set_aside(
                transaction.connection, self._partition, ticket_id, "wake", error
            )
        self._quarantine.report(ticket_id, "wake", error)

    async def _fire_now(
        self, batch: Sequence[tuple[datetime, Wake]], until: datetime, *, is_provisional: bool
    ) -> None:
        clock, metrics = self._context.clock, self._context.metrics
        started = clock.monotonic()
        async with self._owner.owned_transaction(self._partition) as transaction:
            ledger = await self._context.open(
                transaction.connection, self._partition, [ticket_id for _, (ticket_id, _) in batch]
            )
            early: list[Ticket] = []
            for some in chunks(batch, AT_A_STRETCH):
                early += _fire_all(ledger, some, until, is_provisional=is_provisional)
                await self._context.yield_to_loop()
            await store.save(transaction.connection, ledger.rows())
            transaction.publish(*ledger.messages)
        self._context.close(self._partition, ledger)
        self._schedule(ledger.tickets())
        self._schedule(early)
        metrics.fired.observe(clock.monotonic() - started)

    async def _wait_until_read(self, waiting: int) -> tuple[datetime, bool]:
        """Wait until the partition was read; the instant up to which it was.

        True with it: reading took too long, go on all the same.

        The bound counts from the first sight of the lag, and starts again while the broker is away:
        nothing could be published then.
        """
        while True:
            answer = await self._read_barrier.ask(self._partition)
            is_read = answer.end is not None and await self._reached(answer.end, waiting)
            if is_read:
                self._behind_since = None
                return answer.asked_at, False
            if answer.end is not None:
                return answer.asked_at, True
            self._behind_since = self._context.clock.now()
            await self._until(self._applied)

    async def _reached(self, end: int, waiting: int) -> bool:
        """Wait until records are applied up to `end`; False when that takes too long.

        Not until the partition has no more: new facts may come faster than they are applied.
        """
        clock = self._context.clock
        gauge = self._context.metrics.waiting.labels(str(self._partition.number))
        while True:
            applied = self._applied
            if self._owner.position(self._partition) >= end:
                gauge.set(0)
                return True
            if self._behind_since is None:
                self._behind_since = clock.now()
            if clock.now() - self._behind_since >= self._context.settings.provisional_after:
                return False
            gauge.set(waiting)
            await self._until(applied)

    async def _until(self, applied: asyncio.Event) -> None:
        """Wait for the next batch of facts, though not for long."""
        waited = asyncio.ensure_future(applied.wait())
        polled = asyncio.ensure_future(self._context.clock.sleep(LAG_POLL))
        try:
            await asyncio.wait({waited, polled}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waited.cancel()
            polled.cancel()


def _desk_of(wake: Wake) -> str:
    return wake[1]


def _fire_all(
    ledger: Ledger,
    batch: Sequence[tuple[datetime, Wake]],
    until: datetime,
    *,
    is_provisional: bool,
) -> list[Ticket]:
    """Fire what is due by `until`; returns the tickets whose time has meanwhile moved ahead."""
    early = []
    for _, (ticket_id, _) in batch:
        ticket = ledger.ticket(ticket_id)
        if ticket is None:
            continue
        if ticket.wake_at is None or ticket.wake_at > until:
            early.append(ticket)
        else:
            ledger.fire(ticket, until, is_provisional=is_provisional)
    return early


class TimerWorkers:
    """Keeps one `PartitionTimers` running for each partition that is ours."""

    def __init__(
        self,
        context: AssessmentContext,
        pool: asyncpg.Pool,
        on_shared: Callable[[], None] = lambda: None,
    ) -> None:
        self._context = context
        self._pool = pool
        # Called while a desk's flood is fired and another desk has something due.
        self._on_shared = on_shared
        self._owner: PartitionOwner | None = None
        self._read_barrier: ReadBarrier | None = None
        self._turns = FairSemaphore(AT_ONCE, kept_for_small=1, small=SMALL)
        self._workers: dict[Partition, PartitionTimers] = {}
        self._tasks: dict[Partition, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self.quarantine = Quarantine(context, pool)

    def serve(self, owner: PartitionOwner) -> None:
        """Name the consumer that owns the partitions, before it starts."""
        self._owner = owner
        self._read_barrier = ReadBarrier(owner, self._context.clock)

    def assigned(self, partitions: frozenset[Partition]) -> None:
        """The partitions are ours: start to fire their timers."""
        if self._owner is None or self._read_barrier is None:
            raise RuntimeError("partitions were assigned before the consumer was named")
        for each in partitions:
            self._workers[each] = PartitionTimers(
                each,
                self._context,
                self._pool,
                self._owner,
                self._read_barrier,
                self._turns,
                self.quarantine,
                self._on_shared,
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
        self._context.metrics.armed.set(sum(len(each) for each in self._workers.values()))

    def reload(self) -> None:
        """Read all wakes again: what was committed may not be what memory holds."""
        for worker in self._workers.values():
            worker.reload()

    def schedule(self, partition: Partition, due_at: datetime, wake: Wake) -> None:
        """A wake of the partition was committed otherwise than by facts or by firing."""
        worker = self._workers.get(partition)
        if worker is not None:
            worker.schedule(due_at, wake)

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
