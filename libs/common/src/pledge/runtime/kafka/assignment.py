"""The partitions that the group has assigned to this process, with their offsets and their lag."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta

import structlog
from aiokafka.errors import KafkaError

from pledge.runtime.clock import Clock, SystemClock
from pledge.runtime.kafka.end_offsets import EndOffsets
from pledge.runtime.kafka.ownership import Fenced, PartitionState, hold
from pledge.runtime.observability.metrics import RuntimeMetrics
from pledge.runtime.outbox.writer import Outbox, OutboxTransaction
from pledge.runtime.records import Partition

# On revocation, transactions in flight may take this long; it must fit into the rebalance timeout.
REVOKE_GRACE = timedelta(seconds=20)
# A partition that the database says is lost must be revoked by the group within this time.
FENCE_GRACE = timedelta(seconds=90)

log = structlog.get_logger()


class Assignment:
    """Owns the partitions' states from assignment to revocation; a `PartitionOwner`."""

    def __init__(
        self,
        outbox: Outbox,
        end_offsets: EndOffsets,
        *,
        clock: Clock,
        metrics: RuntimeMetrics,
        on_progress: Callable[[], None],
    ) -> None:
        self._outbox = outbox
        self._end_offsets = end_offsets
        self._clock = clock
        self._metrics = metrics
        self._on_progress = on_progress
        self._states: dict[Partition, PartitionState] = {}
        self._steps = 0
        self.is_joined = False
        """Whether the group has answered; a member without partitions has joined too."""
        self.is_closing = False
        """Whether the client is being closed: work that waits or retries gives up."""

    # -- for the service's workers: PartitionOwner -------------------------------------------

    def owned(self) -> frozenset[Partition]:
        """The partitions this process may write for."""
        return frozenset(each for each, state in self._states.items() if state.is_owned)

    def position(self, partition: Partition) -> int:
        """The offset up to which the partition's records are in the database. Raises Fenced."""
        return self._state(partition).next_offset

    @asynccontextmanager
    async def owned_transaction(self, partition: Partition) -> AsyncIterator[OutboxTransaction]:
        """A transaction in the name of the owner, never at the same time as one of its batches.

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
                self.fence(state)
                raise

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The end offsets, asked of the broker now, of those of `partitions` that are ours.

        Raises KafkaError when the broker does not answer.
        """
        return await self._end_offsets.of(each for each in partitions if each in self._states)

    async def caught_up(self, partitions: Iterable[Partition]) -> frozenset[Partition]:
        """Those of `partitions` whose every record published until now is in the database.

        Raises KafkaError when the broker does not answer.
        """
        ends = await self.ends(partitions)
        return frozenset(
            each
            for each, end in ends.items()
            if (state := self._states.get(each)) is not None
            and state.is_owned
            and state.next_offset >= end
        )

    # -- coming and going --------------------------------------------------------------------

    def adopt(self, states: Mapping[Partition, PartitionState]) -> None:
        """Own `states`, just claimed in the database, in place of whatever was owned."""
        for state in states.values():
            state.newest_at = self._clock.now()
        self._states = dict(states)

    async def release(self, partitions: Iterable[Partition]) -> frozenset[Partition]:
        """Give `partitions` up once what is in flight for them is done, within REVOKE_GRACE.

        Returns those that were ours.
        """
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
            log.warning("partitions_revoked_in_flight", count=len(leaving))
            for state in leaving:
                self._states.pop(state.partition, None)
        released = frozenset(state.partition for state in leaving)
        self._metrics.released(released)
        return released

    def fence(self, state: PartitionState) -> None:
        """The database says that another process owns the partition: write no more for it."""
        if not state.is_owned:
            return
        if self.is_closing:
            # A batch was given up: nothing behind it may be applied.
            state.is_revoked = True
            return
        state.fenced_at = SystemClock().monotonic()
        self._metrics.fenced()
        log.warning(
            "partition_fenced", topic=state.partition.topic, partition=state.partition.number
        )

    def raise_if_fenced_for_long(self) -> None:
        """Raises Fenced when the group leaves us a partition that another process has claimed."""
        now = SystemClock().monotonic()
        for state in self._states.values():
            if state.fenced_at is not None and now - state.fenced_at > FENCE_GRACE.total_seconds():
                raise Fenced(
                    f"another process has claimed {state.partition}, and the group still assigns"
                    " it to this one: do two consumer groups share one database?"
                )

    # -- offsets, progress, lag --------------------------------------------------------------

    def partitions(self) -> frozenset[Partition]:
        """All that the group has assigned, fenced ones as well."""
        return frozenset(self._states)

    def state(self, partition: Partition) -> PartitionState | None:
        """The state of `partition`; None when the group has not assigned it."""
        return self._states.get(partition)

    def offsets(self) -> dict[Partition, int]:
        """The next offset of each partition, to seek to and to commit to the group."""
        return {each: state.next_offset for each, state in self._states.items()}

    def progressed(self) -> None:
        """Something was done, or waits for what is outside of this process."""
        self._steps += 1
        self._on_progress()

    def progress_mark(self) -> Hashable:
        """A value that changes with every step forward."""
        return self._steps, self.is_joined, tuple(self.offsets().items())

    async def has_work(self) -> bool:
        """Whether there is something to do that only this process can hold up.

        Measures the lag. To get partitions is the work of a member that has none yet.
        """
        if not self.is_joined:
            self._on_progress()  # other members may delay the rebalance for long
            return True
        try:
            ends = await self.ends(self.owned())
        except KafkaError:
            ends = {}  # waiting for a broker that is away is no stall
        owned = [(state, end) for each, end in ends.items() if (state := self._states.get(each))]
        if sum(self._measure_lag(state, end) for state, end in owned) > 0:
            return True
        self.progressed()
        return False

    def _measure_lag(self, state: PartitionState, end: int) -> int:
        """How many records of the partition are not applied yet."""
        behind = max(0, end - state.next_offset)
        age = self._clock.now() - state.newest_at if behind and state.newest_at else timedelta(0)
        self._metrics.lag(state.partition, behind, max(age, timedelta(0)))
        return behind

    def _state(self, partition: Partition) -> PartitionState:
        state = self._states.get(partition)
        if state is None:
            raise Fenced(f"{partition}: not ours")
        return state
