"""Publishes the outbox: in order per key, at least once, deleted after the acknowledgement.

Each shard is published by the one process that holds its advisory lock, on the connection that
also reads and deletes the rows: a relay that loses the connection loses the lock with it and stops.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import lru_cache
from struct import iter_unpack

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from aiokafka.producer.message_accumulator import BatchBuilder

from pledge.runtime.clock import Clock, SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.observability.metrics import RuntimeMetrics
from pledge.runtime.outbox.writer import NOTIFY_CHANNEL, SHARDS, Outbox
from pledge.runtime.postgres.pool import PLANNING, own_connection
from pledge.runtime.retry import retry_while_away

# Advisory locks live in one number space per database; this is ours, the shard is the second half.
LOCK_SPACE = 0x706C6467
# Rows read at a time: large enough to fill Kafka batches, small enough to redo after a crash.
ROUND_ROWS = 2_000
# While some of what is written must not wait long for the rest: a seventh more work an event, and
# a third of the wait.
SHORT_ROUND_ROWS = 250
# Without a wake-up (a commit in a process that died before its NOTIFY) rows are found this late.
IDLE_WAIT = timedelta(seconds=1)
# Shards that another process holds are asked for this often, so that they move soon after it dies.
CLAIM_INTERVAL = timedelta(seconds=1)
# A relay speaks to the database every second, or after Kafka's request timeout at the latest. One
# that is silent for longer is frozen, and PostgreSQL ends its session, which frees its shards.
FROZEN_AFTER = timedelta(seconds=90)
# How long the last rows may take on an orderly stop; what is left goes out at the next start.
DRAIN_LIMIT = timedelta(seconds=5)

# The client gives a batch up after the request timeout. If it has not said so this much later, it
# never will: the task that sends has ended.
SILENCE_LIMIT = timedelta(seconds=20)

# The largest batch sent in one piece; topics take records up to `max.message.bytes` (topics.yaml).
MAX_BATCH_BYTES = 512 * 1024
MAX_REQUEST_BYTES = 4 * 1024 * 1024

_MIX, _WORD = 0x5BD1E995, 0xFFFFFFFF

_TRY_LOCK = "SELECT shard FROM unnest($1::int[]) AS shard WHERE pg_try_advisory_lock($2, shard)"
_READ = """
SELECT id, topic, key, value, header_names, header_values, written_at
FROM outbox WHERE shard = ANY($1::smallint[]) ORDER BY id LIMIT $2
"""
_DELETE = "DELETE FROM outbox WHERE id = ANY($1::bigint[])"

log = structlog.get_logger()


class PublishFailed(Exception):
    """The broker did not acknowledge everything of a round; the round is sent again, in order."""


@lru_cache(maxsize=65_536)
def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key, as Kafka's own default partitioner counts it."""
    return (_murmur2(key) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    """MurmurHash2 with Kafka's seed, as aiokafka has it, in half the time: keys are many."""
    whole = len(data) & ~3
    digest = 0x9747B28C ^ len(data)
    for (word,) in iter_unpack("<I", data[:whole]):
        mixed = word * _MIX & _WORD
        mixed ^= mixed >> 24
        digest = (digest * _MIX & _WORD) ^ (mixed * _MIX & _WORD)
    if whole < len(data):
        digest = (digest ^ int.from_bytes(data[whole:], "little")) * _MIX & _WORD
    digest ^= digest >> 13
    digest = digest * _MIX & _WORD
    return digest ^ (digest >> 15)


class OutboxRelay:
    """Publishes the rows of the shards that it could lock."""

    def __init__(
        self,
        kafka: KafkaSettings,
        dsn: str,
        outbox: Outbox,
        *,
        service: str,
        clock: Clock,
        metrics: RuntimeMetrics,
        progress: Callable[[], None] = lambda: None,
    ) -> None:
        self._kafka = kafka
        self._dsn = dsn
        self._outbox = outbox
        self._service = service
        self._clock = clock
        self._metrics = metrics
        self._progress = progress
        self._woken = asyncio.Event()
        self._shards: frozenset[int] = frozenset()
        self._claimed_at = float("-inf")
        outbox.relay_attached(self._woken.set)

    async def run(self) -> None:
        """Publish until cancelled; then first publish what is already committed."""
        await retry_while_away(
            self._session, on_retry=self._on_retry, passing=(KafkaError, PublishFailed)
        )

    def _on_retry(self, error: BaseException) -> None:
        # Waiting for a broker or a database that is away is no reason to be restarted.
        self._progress()
        if isinstance(error, KafkaError | PublishFailed):
            log.warning("outbox_relay_waits_for_kafka", error=repr(error))
        else:
            log.warning("outbox_relay_waits_for_database", error=repr(error))

    async def _session(self) -> None:
        """Publish with one connection and one producer, until either of them fails."""
        settings = {
            "application_name": f"pledge-{self._service}-relay",
            "idle_session_timeout": str(int(FROZEN_AFTER.total_seconds() * 1000)),
            # It only deletes. What a crash of the database brings back is published again, in
            # its order, and recognised; waiting for the disk would hold up what comes next.
            "synchronous_commit": "off",
            **PLANNING,
        }
        self._progress()
        try:
            async with (
                own_connection(self._dsn, command_timeout=30, server_settings=settings) as own,
                self._producer() as producer,
            ):
                await own.add_listener(NOTIFY_CHANNEL, self._notified)
                await producer.start()
                try:
                    await self._publish_until_failure(own, producer)
                except asyncio.CancelledError:
                    await self._drain(own, producer)
                    raise
        finally:
            self._shards = frozenset()
            self._outbox.relay_owns_all(owns_all=False)

    @asynccontextmanager
    async def _producer(self) -> AsyncIterator[AIOKafkaProducer]:
        """A producer that is not started yet, stopped within DRAIN_LIMIT."""
        producer = self._new_producer()
        try:
            yield producer
        finally:
            with suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(producer.stop(), DRAIN_LIMIT.total_seconds())

    def _new_producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **self._kafka.client_options(),
            client_id=f"pledge-{self._service}-relay",
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=MAX_BATCH_BYTES,
            max_request_size=MAX_REQUEST_BYTES,
        )

    async def _publish_until_failure(
        self, connection: asyncpg.Connection, producer: AIOKafkaProducer
    ) -> None:
        while True:
            self._woken.clear()
            self._progress()
            await self._claim_shards(connection)
            # A stop waits for the round under way instead of publishing its rows a second time.
            published = asyncio.ensure_future(self._publish_round(connection, producer))
            try:
                count = await asyncio.shield(published)
            except asyncio.CancelledError:
                await asyncio.wait({published}, timeout=DRAIN_LIMIT.total_seconds())
                raise
            if count == 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), IDLE_WAIT.total_seconds())

    async def _drain(self, connection: asyncpg.Connection, producer: AIOKafkaProducer) -> None:
        """Publish what was committed before the stop, within DRAIN_LIMIT."""

        async def rounds() -> None:
            while await self._publish_round(connection, producer):
                continue

        if connection.is_closed():
            return
        try:
            await asyncio.wait_for(rounds(), DRAIN_LIMIT.total_seconds())
        except Exception as error:
            # Whatever it is: the rows are kept, and the stop goes on.
            log.warning("outbox_left_for_next_start", error=repr(error))

    async def _claim_shards(self, connection: asyncpg.Connection) -> None:
        missing = [shard for shard in range(SHARDS) if shard not in self._shards]
        now = SystemClock().monotonic()
        if not missing or now - self._claimed_at < CLAIM_INTERVAL.total_seconds():
            return
        self._claimed_at = now
        rows = await connection.fetch(_TRY_LOCK, missing, LOCK_SPACE)
        self._shards |= {row["shard"] for row in rows}
        self._outbox.relay_owns_all(owns_all=len(self._shards) == SHARDS)

    async def _publish_round(
        self, connection: asyncpg.Connection, producer: AIOKafkaProducer
    ) -> int:
        """Publish the oldest rows and delete them; return how many there were."""
        limit = SHORT_ROUND_ROWS if self._outbox.has_short_rounds else ROUND_ROWS
        rows = await connection.fetch(_READ, list(self._shards), limit)
        if rows:
            await self._send(producer, rows)
            await connection.execute(_DELETE, [row["id"] for row in rows])
            age = self._clock.now() - rows[0]["written_at"]
            self._metrics.relayed(len(rows), age)
        return len(rows)

    async def _send(self, producer: AIOKafkaProducer, rows: Sequence[asyncpg.Record]) -> None:
        """Have everything acknowledged, with one batch per partition under way at a time.

        A producer that gives a batch up may still send a later one of the same partition; waiting
        for each batch keeps the order without relying on that never happening.
        """
        by_partition = await self._by_partition(producer, rows)
        while by_partition:
            sent = []
            for (topic, number), waiting in list(by_partition.items()):
                batch = producer.create_batch()
                taken = _fill(batch, waiting)
                by_partition[topic, number] = waiting[taken:]
                if taken == len(waiting):
                    del by_partition[topic, number]
                sent.append(await producer.send_batch(batch, topic, partition=number))
            results = await self._answers(sent)
            failed = [result for result in results if isinstance(result, BaseException)]
            if failed:
                raise PublishFailed(f"{len(failed)} of {len(results)} batches: {failed[0]!r}")

    async def _answers(self, sent: Sequence[Awaitable[object]]) -> list[object]:
        """What became of each batch that was handed to the client."""
        patience = self._kafka.request_timeout + SILENCE_LIMIT
        try:
            async with asyncio.timeout(patience.total_seconds()):
                return await asyncio.gather(*sent, return_exceptions=True)
        except TimeoutError as error:
            raise PublishFailed(f"no answer within {patience.total_seconds():g} s") from error

    async def _by_partition(
        self, producer: AIOKafkaProducer, rows: Sequence[asyncpg.Record]
    ) -> dict[tuple[str, int], list[asyncpg.Record]]:
        counts: dict[str, int] = {}
        grouped: dict[tuple[str, int], list[asyncpg.Record]] = {}
        for row in rows:
            topic = self._kafka.topic(row["topic"])
            if topic not in counts:
                counts[topic] = len(await producer.partitions_for(topic))
            grouped.setdefault((topic, partition_of(row["key"], counts[topic])), []).append(row)
        return grouped

    def _notified(self, *_: object) -> None:
        self._woken.set()


def _fill(batch: BatchBuilder, rows: Sequence[asyncpg.Record]) -> int:
    """Append rows until the batch is full; return how many went in (at least one does)."""
    for taken, row in enumerate(rows):
        headers = list(zip(row["header_names"], row["header_values"], strict=True))
        if (
            batch.append(timestamp=None, key=row["key"], value=row["value"], headers=headers)
            is None
        ):
            return taken
    batch.close()
    return len(rows)
