"""Reads topics so that each record changes the service's state exactly once.

The subscription hands over what was fetched, cut by partition. Partitions are worked on at the same
time, each in order, each batch in one transaction that holds the service's writes, its outbox rows,
its dead letters and the partition's new offset.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import TypeVar

import asyncpg
import structlog
from aiokafka.errors import KafkaError

from pledge.runtime.clock import Clock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.kafka.assignment import Assignment
from pledge.runtime.kafka.end_offsets import EndOffsets
from pledge.runtime.kafka.membership import Membership, MembershipLost
from pledge.runtime.kafka.ownership import take_over
from pledge.runtime.kafka.partition_worker import Handler, PartitionWorker
from pledge.runtime.kafka.stall_detector import ConsumptionStalled, watch_for_stall
from pledge.runtime.kafka.subscription import Batches, Subscription
from pledge.runtime.observability.metrics import RuntimeMetrics
from pledge.runtime.outbox.writer import Outbox
from pledge.runtime.records import Partition, Record
from pledge.runtime.retry import retry_while_away

# Transactions begun before the next poll waits for one of them: while the database stores some,
# others are computed. Each partition still has one at a time.
MOST_IN_FLIGHT = 3

R = TypeVar("R")

log = structlog.get_logger()


class PartitionConsumer:
    """Consumes its share of `topics` in the consumer group of `service`."""

    def __init__(
        self,
        kafka: KafkaSettings,
        pool: asyncpg.Pool,
        outbox: Outbox,
        handler: Handler,
        *,
        service: str,
        topics: Sequence[str],
        clock: Clock,
        metrics: RuntimeMetrics,
        progress: Callable[[], None] = lambda: None,
    ) -> None:
        self._kafka = kafka
        self._pool = pool
        self._handler = handler
        self._metrics = metrics
        self._end_offsets = EndOffsets(kafka, service)
        self._subscription = Subscription(kafka, self, service=service, topics=topics)
        self.assignment = Assignment(
            outbox, self._end_offsets, clock=clock, metrics=metrics, on_progress=progress
        )
        self._membership = Membership(
            self.assignment, self._subscription, kafka, service=service, metrics=metrics
        )
        self._worker = PartitionWorker(
            self.assignment,
            outbox,
            handler,
            service=service,
            clock=clock,
            metrics=metrics,
            poison_run_limit=kafka.poison_run_limit,
        )
        self._in_flight: set[asyncio.Future[None]] = set()
        self._failure: asyncio.Future[None] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether this is a member of the group, with partitions or without."""
        return self.assignment.is_joined

    async def run(self) -> None:
        """Consume until cancelled, rejoining the group where that helps. Raises fatal errors."""
        while True:
            try:
                await self._run_until_it_fails()
            except ConsumptionStalled:
                self._metrics.consumption_stalled()
            except MembershipLost as lost:
                self._metrics.membership_lost(lost.reason)

    async def _run_until_it_fails(self) -> None:
        """From joining the group to leaving it."""
        self._failure = asyncio.get_running_loop().create_future()
        self.assignment.is_closing = False
        await self._retry(self._end_offsets.start)
        tasks: set[asyncio.Future[None]] = {
            asyncio.ensure_future(self._retry(self._subscription.start)),
            asyncio.ensure_future(self._membership.watch()),
            asyncio.ensure_future(
                watch_for_stall(self.assignment, self._subscription, self._kafka)
            ),
        }
        try:
            await _until_one_fails({self._failure, *tasks})
        except ConsumptionStalled:
            # What is in flight may be what hangs; it is rolled back and done again.
            self._cancel_in_flight()
            raise
        finally:
            await self._close(tasks)

    async def _close(self, tasks: set[asyncio.Future[None]]) -> None:
        """Finish what is in flight, leave the group and close the client."""
        self.assignment.is_closing, self.assignment.is_joined = True, False
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        await self._release(self.assignment.partitions())
        self._cancel_in_flight()
        await self._subscription.stop()
        # A rebalance that was under way may have assigned some meanwhile.
        await self._release(self.assignment.partitions())
        self.assignment.is_joined = False
        await self._end_offsets.stop()

    def _cancel_in_flight(self) -> None:
        for each in self._in_flight:
            each.cancel()

    async def _retry(self, step: Callable[[], Awaitable[R]]) -> R:
        """Do `step`, waiting while Kafka or the database is away, until the client is closed."""
        return await retry_while_away(
            step,
            on_retry=self._log_waiting,
            give_up=lambda: self.assignment.is_closing,
            passing=(KafkaError,),
        )

    def _log_waiting(self, error: BaseException) -> None:
        self.assignment.progressed()
        servers = self._kafka.bootstrap_servers
        log.warning("waiting_for_kafka_or_database", servers=servers, error=repr(error))

    def _fail(self, error: BaseException) -> None:
        """End `run` with `error`; FastStream and aiokafka swallow what is raised in callbacks.

        While the client is being closed nothing more can fail; a lasting fault comes again.
        """
        if self._failure and not self._failure.done() and not self.assignment.is_closing:
            self._failure.set_exception(error)

    # -- called by the subscription ----------------------------------------------------------

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """Take `partitions` over from their former owner and go on where it stopped."""
        self._metrics.rebalanced("assigned")
        try:
            states = await self._retry(lambda: take_over(self._pool, partitions))
            await self._retry(lambda: self._end_offsets.check(states))
            await self._release(self.assignment.partitions())  # of a client that was given up
            self.assignment.adopt(states)
            await self._handler.assigned(partitions)
            for partition, offset in self.assignment.offsets().items():
                self._subscription.seek(partition, offset)
        except Exception as error:
            self._fail(error)
            return
        self.assignment.is_joined = True
        self._membership.joined()
        log.info("partitions_assigned", count=len(states))

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """Finish what is in flight for `partitions` before others take them over."""
        self._metrics.rebalanced("revoked")
        self.assignment.is_joined = False
        await self._release(partitions)

    async def _release(self, partitions: Iterable[Partition]) -> None:
        released = await self.assignment.release(partitions)
        if released:
            await self._handler.revoked(released)

    async def received(self, batches: Batches) -> None:
        """Begin to work on each partition of a batch; wait only while much is in flight."""
        for partition, records in batches.items():
            applying = asyncio.ensure_future(self._apply(partition, records))
            self._in_flight.add(applying)
            applying.add_done_callback(self._applied)
        while len(self._in_flight) >= MOST_IN_FLIGHT:
            await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)

    async def _apply(self, partition: Partition, records: Sequence[Record]) -> None:
        missing_from = await self._worker.apply(partition, records)
        if missing_from is not None:
            self._subscription.seek(partition, missing_from)

    def _applied(self, applying: asyncio.Future[None]) -> None:
        """A batch is done; an error that the worker could not handle is fatal."""
        self._in_flight.discard(applying)
        if not applying.cancelled() and (error := applying.exception()) is not None:
            self._fail(error)
        self.assignment.progressed()


async def _until_one_fails(futures: set[asyncio.Future[None]]) -> None:
    """Raises the error of the first one that fails; others may end without."""
    while futures:
        done, futures = await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
