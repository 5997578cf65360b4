"""Reads topics so that each record changes the service's state exactly once.

One FastStream batch subscriber per service feeds `PartitionConsumer`. A batch is cut by partition;
partitions are worked on side by side, each in order, each batch in one transaction that holds the
service's writes, its outbox rows, its dead letters and the partition's new offset.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TypeVar

import asyncpg
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from pledge.runtime.clock import Clock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.kafka.end_offsets import TopicEnds
from pledge.runtime.kafka.offset_commits import commit_for_ever
from pledge.runtime.kafka.ownership import Fenced, PartitionState, follow_on, hold, take_over
from pledge.runtime.kafka.partition_worker import Handler, PartitionWorker
from pledge.runtime.kafka.stall_detector import StandsStill, raise_on_standstill
from pledge.runtime.kafka.subscription import Listener, Subscription
from pledge.runtime.observability.metrics import RuntimeMetrics
from pledge.runtime.outbox.writer import Outbox, OutboxTransaction
from pledge.runtime.records import Partition, Record, from_kafka
from pledge.runtime.retry import retry_while_away

# On revocation, work in flight may take this long; it must fit into the rebalance timeout.
REVOKE_GRACE = timedelta(seconds=20)
# A partition that the database says is lost must be revoked by the group within this time.
FENCE_GRACE = timedelta(seconds=90)
# This many records in a row that can't be handled are a bad deploy, not bad records.
POISON_RUN_LIMIT = 100
# Transactions begun before the next poll waits for one of them: while the database works on some,
# others are computed. Each partition still has one at a time.
MOST_UNDER_WAY = 3

C = TypeVar("C")

log = structlog.get_logger()


class PartitionConsumer:
    """Owns partitions of `topics` in the consumer group of `service`."""

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
        poison_run_limit: int = POISON_RUN_LIMIT,
    ) -> None:
        self._kafka = kafka
        self._pool = pool
        self._outbox = outbox
        self._handler = handler
        self._service = service
        self._topics = tuple(topics)
        self._clock = clock
        self._metrics = metrics
        self._on_progress = progress
        self._steps = 0
        self._worker = PartitionWorker(
            outbox,
            handler,
            service=service,
            clock=clock,
            metrics=metrics,
            poison_run_limit=poison_run_limit,
            is_stopping=lambda: self._is_stopping,
            progress=self._progress,
        )
        self._states: dict[Partition, PartitionState] = {}
        self._under_way: set[asyncio.Future[None]] = set()
        self._failure: asyncio.Future[None] | None = None
        self._subscription: Subscription | None = None
        self._ends = TopicEnds(kafka, service)
        self._is_assigned = False
        self._is_stopping = False

    @property
    def is_assigned(self) -> bool:
        """Whether the group has answered; a member without partitions is ready too."""
        return self._is_assigned

    def owned(self) -> frozenset[Partition]:
        """The partitions this process may write for."""
        return frozenset(each for each, state in self._states.items() if state.is_owned)

    def position(self, partition: Partition) -> int:
        """The offset up to which the partition's records are in the database. Raises Fenced."""
        return self._state(partition).next_offset

    @asynccontextmanager
    async def owned_transaction(self, partition: Partition) -> AsyncIterator[OutboxTransaction]:
        """A transaction in the name of the partition's owner, never beside one of its batches.

        Raises Fenced, and keeps nothing, when the partition is no longer ours.
        """
        state = self._state(partition)
        async with state.lock:
            if not state.is_owned:
                raise Fenced(f"{partition}: not ours")
            try:
                async with self._outbox.transaction() as transaction:
                    await hold(transaction.connection, state)
                    yield transaction
            except Fenced:
                self._lost(state)
                raise

    async def caught_up(self, partitions: Iterable[Partition]) -> frozenset[Partition]:
        """Those of `partitions` whose every record published until now is in the database.

        The broker is asked now. Raises KafkaError when it does not answer.
        """
        ends = await self.ends(partitions)
        return frozenset(
            each
            for each, end in ends.items()
            if (state := self._states.get(each)) is not None
            and state.is_owned
            and state.next_offset >= end
        )

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Where those of `partitions` that are ours end now: behind the last record published.

        Raises KafkaError when the broker does not answer.
        """
        return await self._ends.of(each for each in partitions if each in self._states)

    # -- life --------------------------------------------------------------------------------

    async def run(self) -> None:
        """Consume until cancelled. Raises what consumption can't go on after."""
        while True:
            try:
                await self._run_until_it_fails()
            except StandsStill:
                self._metrics.stood_still()

    async def _run_until_it_fails(self) -> None:
        self._failure = asyncio.get_running_loop().create_future()
        self._is_stopping = False
        await self._connect(self._ends.start)
        beside: set[asyncio.Future[None]] = set()
        try:
            self._subscription = await self._connect(self._start_subscription)
            commits = commit_for_ever(lambda: self._subscription, self._offsets)
            watch = raise_on_standstill(self, self._longest_standstill)
            beside = {asyncio.ensure_future(commits), asyncio.ensure_future(watch)}
            done, _ = await asyncio.wait(
                {self._failure, *beside}, return_when=asyncio.FIRST_COMPLETED
            )
            for each in done:
                each.result()
        except StandsStill:
            # Whatever is in flight may be what hangs; it is rolled back and done again.
            for work in self._under_way:
                work.cancel()
            raise
        finally:
            self._is_stopping = True
            for each in beside:
                each.cancel()
            await self._release(frozenset(self._states))
            for work in self._under_way:
                work.cancel()
            if self._subscription is not None:
                await self._subscription.stop()
            # A rebalance that was under way may have brought some back meanwhile.
            await self._release(frozenset(self._states))
            self._is_assigned = False
            await self._ends.stop()

    def _longest_standstill(self) -> timedelta:
        if self._subscription is not None and not self._subscription.is_feeding:
            return timedelta(0)  # nothing will come of waiting
        if self._is_assigned:
            return self._kafka.standstill_limit
        # The longest that the group itself may take to give partitions out again.
        rejoin = self._kafka.rebalance_timeout + self._kafka.session_timeout
        return max(self._kafka.standstill_limit, rejoin)

    def sign(self) -> Hashable:
        """See `standstill.Watched`."""
        return self._steps, self._is_assigned, tuple(self._offsets().items())

    async def has_work(self) -> bool:
        """See `standstill.Watched`: without partitions, to get them is the work."""
        if not self._is_assigned:
            self._on_progress()  # others may take long to let the group be shared out again
            return True
        try:
            ends = await self.ends(self.owned())
        except KafkaError:
            ends = {}  # whoever waits for a broker that is away does not stand still
        held = [(state, end) for each, end in ends.items() if (state := self._states.get(each))]
        if sum(self._observe_lag(state, end) for state, end in held) > 0:
            return True
        self._progress()
        return False

    def _progress(self) -> None:
        self._steps += 1
        self._on_progress()

    async def _connect(self, start: Callable[[], Awaitable[C]]) -> C:
        """Wait for a broker that is away at start, saying so."""
        return await retry_while_away(start, on_retry=self._say_waiting, passing=(KafkaError,))

    async def _start_subscription(self) -> Subscription:
        subscription = Subscription(
            self._kafka,
            service=self._service,
            topics=self._topics,
            on_batch=self._on_batch,
            listener=Listener(self._assigned, self._revoked),
        )
        # Set before the start: the first assignment comes while it is under way.
        self._subscription = subscription
        try:
            await subscription.start()
        except BaseException:
            await subscription.stop()
            raise
        return subscription

    def _fail(self, error: BaseException) -> None:
        """End `run` with `error`; FastStream and aiokafka swallow what is raised in callbacks."""
        if self._failure and not self._failure.done():
            self._failure.set_exception(error)

    # -- rebalances --------------------------------------------------------------------------

    async def _assigned(self, assigned: set[TopicPartition]) -> None:
        self._metrics.rebalanced("assigned")
        try:
            partitions = frozenset(map(self._logical, assigned))
            states = await retry_while_away(
                lambda: take_over(self._pool, partitions),
                on_retry=self._say_waiting,
                give_up=lambda: self._is_stopping,
            )
            await retry_while_away(
                lambda: self._ends.check(states),
                on_retry=self._say_waiting,
                give_up=lambda: self._is_stopping,
                passing=(KafkaError,),
            )
            await self._release(frozenset(self._states))  # of a client that was given up
            self._states = states
            await self._handler.assigned(partitions)
            for partition, state in states.items():
                state.newest_at = self._clock.now()
                self._seek(partition, state.next_offset)
        except Exception as error:
            self._fail(error)
            return
        self._is_assigned = True
        log.info("partitions assigned", count=len(states))

    def _say_waiting(self, error: BaseException) -> None:
        self._progress()
        servers = self._kafka.bootstrap_servers
        log.warning("waiting for Kafka or the database", servers=servers, error=repr(error))

    async def _revoked(self, revoked: set[TopicPartition]) -> None:
        self._metrics.rebalanced("revoked")
        self._is_assigned = False
        await self._release(frozenset(map(self._logical, revoked)))

    async def _release(self, partitions: frozenset[Partition]) -> None:
        """Finish what is in flight for `partitions`, bounded, and let go of them."""
        leaving = [self._states[each] for each in partitions if each in self._states]
        for state in leaving:
            state.is_revoked = True
        try:
            async with asyncio.timeout(REVOKE_GRACE.total_seconds()):
                for state in leaving:
                    async with state.lock:
                        self._states.pop(state.partition, None)
        except TimeoutError:
            # The transaction in flight will be fenced by the next owner.
            log.warning("partitions revoked with work in flight", count=len(leaving))
            for state in leaving:
                self._states.pop(state.partition, None)
        if leaving:
            gone = frozenset(state.partition for state in leaving)
            self._metrics.released(gone)
            await self._handler.revoked(gone)

    # -- batches -----------------------------------------------------------------------------

    async def _on_batch(self, raw: Sequence[ConsumerRecord]) -> None:
        """Begin to work on each partition of a batch; wait only while much is under way."""
        by_partition: dict[Partition, list[Record]] = {}
        for each in raw:
            record = from_kafka(each, self._kafka.logical(each.topic))
            partition = Partition(record.topic, record.partition)
            by_partition.setdefault(partition, []).append(record)
        for partition, records in by_partition.items():
            work = asyncio.ensure_future(self._work(partition, records))
            self._under_way.add(work)
            work.add_done_callback(self._worked)
        while len(self._under_way) >= MOST_UNDER_WAY:
            await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)

    def _worked(self, work: asyncio.Future[None]) -> None:
        """Whatever goes wrong for good ends `run`."""
        self._under_way.discard(work)
        if not work.cancelled() and (error := work.exception()) is not None:
            self._fail(error)
        self._progress()

    async def _work(self, partition: Partition, records: list[Record]) -> None:
        state = self._states.get(partition)
        if state is None:
            return
        async with state.lock:
            try:
                if unseen := self._unseen(state, records):
                    await self._worker.work(state, unseen)
                    state.newest_at = unseen[-1].timestamp
            except Fenced:
                self._lost(state)
            except Exception:
                # Nothing of this partition may be applied behind a batch that was not.
                state.is_revoked = True
                raise

    def _lost(self, state: PartitionState) -> None:
        """The database says that somebody else has the partition; the group must say so soon."""
        if not state.is_owned:
            return
        state.is_fenced = True
        self._metrics.fenced()
        where = {"topic": state.partition.topic, "partition": state.partition.number}
        log.warning("partition lost to another owner", **where)
        asyncio.get_running_loop().call_later(
            FENCE_GRACE.total_seconds(), self._fail_if_still_fenced, state
        )

    def _fail_if_still_fenced(self, state: PartitionState) -> None:
        if self._states.get(state.partition) is state:
            self._fail(Fenced(f"{state.partition} is another process's, but not by the group"))

    def _unseen(self, state: PartitionState, records: list[Record]) -> list[Record]:
        unseen = follow_on(state, records)
        if unseen is None:
            self._seek(state.partition, state.next_offset)
        return unseen or []

    def _observe_lag(self, state: PartitionState, end: int) -> int:
        """Measure, and give, how many records of the partition wait."""
        behind = max(0, end - state.next_offset)
        age = self._clock.now() - state.newest_at if behind and state.newest_at else timedelta(0)
        self._metrics.lag(state.partition, behind, max(age, timedelta(0)))
        return behind

    def _offsets(self) -> dict[TopicPartition, int]:
        return {self._physical(each): s.next_offset for each, s in self._states.items()}

    def _state(self, partition: Partition) -> PartitionState:
        state = self._states.get(partition)
        if state is None:
            raise Fenced(f"{partition}: not ours")
        return state

    def _seek(self, partition: Partition, offset: int) -> None:
        if self._subscription is not None:
            self._subscription.seek(self._physical(partition), offset)

    def _physical(self, partition: Partition) -> TopicPartition:
        return TopicPartition(self._kafka.topic(partition.topic), partition.number)

    def _logical(self, topic_partition: TopicPartition) -> Partition:
        return Partition(self._kafka.logical(topic_partition.topic), topic_partition.partition)
