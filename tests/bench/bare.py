"""What every floor needs: plain clients, and records put into Kafka's batches by the dozen.

A floor is as fast as a short program can be without the guarantees: no fencing, no rules, no
poison, no rebalances. What it reads, writes and publishes is as much as the service's, in the
fewest statements, each transaction as large as one poll, and publishing while the next one is
worked on.
"""

from __future__ import annotations

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord

from pledge.runtime.outbox.relay import partition_of
from pledge.runtime.postgres.pool import PLANNING

PREFIX = os.environ.get("KAFKA_TOPIC_PREFIX", "")
SERVERS = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "")
PARTITIONS = int(os.environ.get("BENCH_PARTITIONS", "12"))
# As large as what a service takes in one transaction.
BATCH = 1_000
BATCH_BYTES = 512 * 1024

Headers = list[tuple[str, bytes]]
# Partition, key, value, headers.
Outgoing = tuple[int, bytes, bytes, Headers]

ADVANCE = """
INSERT INTO consumed (topic, partition, next_offset, epoch)
SELECT $1, partition, next_offset, 1
FROM unnest($2::int[], $3::bigint[]) AS read(partition, next_offset)
ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset
"""
OUTBOX = ("id", "shard", "topic", "key", "value", "header_names", "header_values")


def run(program: Coroutine[Any, Any, None]) -> None:
    """Run a floor until it is killed. It makes no cycles, so nothing need look for them."""
    gc.disable()
    uvloop.run(program)


async def connect(dsn_variable: str, *, only_deletes: bool = False) -> asyncpg.Connection:
    """A connection that plans as the services' do; for deletions nobody waits for the disk."""
    settings = {**PLANNING, "synchronous_commit": "off" if only_deletes else "on"}
    return await asyncpg.connect(os.environ[dsn_variable], server_settings=settings)


@asynccontextmanager
async def consumer(topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of the logical topic from its beginning."""
    client = AIOKafkaConsumer(
        f"{PREFIX}{topic}",
        bootstrap_servers=SERVERS,
        group_id=f"{PREFIX}floor",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


@asynccontextmanager
async def producer() -> AsyncIterator[AIOKafkaProducer]:
    """A producer that loses nothing."""
    client = AIOKafkaProducer(
        bootstrap_servers=SERVERS,
        acks="all",
        enable_idempotence=True,
        linger_ms=0,
        max_batch_size=BATCH_BYTES,
    )
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


def place(key: bytes) -> int:
    """The partition that Kafka's default partitioner gives the key."""
    return partition_of(key, PARTITIONS)


def header(name: str, text: str) -> tuple[str, bytes]:
    """One header."""
    return name, text.encode()


def outbox_row(row_id: int, topic: str, message: Outgoing) -> tuple[Any, ...]:
    """The row of the outbox that keeps `message` until it is acknowledged."""
    _, key, value, headers = message
    names = [name for name, _ in headers]
    return row_id, 0, topic, key, value, names, [content for _, content in headers]


def ends(batches: dict[Any, list[ConsumerRecord]]) -> tuple[list[int], list[int]]:
    """The partitions of a poll, and where to go on in each."""
    return (
        [each.partition for each in batches],
        [records[-1].offset + 1 for records in batches.values()],
    )


async def send(client: AIOKafkaProducer, topic: str, messages: Iterable[Outgoing]) -> None:
    """Publish `messages` in their order, by partition, and wait for the acknowledgements."""
    grouped: dict[int, list[Outgoing]] = {}
    for message in messages:
        grouped.setdefault(message[0], []).append(message)
    sent = []
    for partition, waiting in grouped.items():
        while waiting:
            batch = client.create_batch()
            taken = _fill(batch, waiting)
            waiting = waiting[taken:]
            sent.append(await client.send_batch(batch, f"{PREFIX}{topic}", partition=partition))
    await asyncio.gather(*sent)


def _fill(batch: Any, messages: Sequence[Outgoing]) -> int:
    for taken, (_, key, value, headers) in enumerate(messages):
        if batch.append(timestamp=None, key=key, value=value, headers=headers) is None:
            return taken
    return len(messages)


class Relay:
    """Publishes what was committed, and deletes it, while the next batch is worked on."""

    def __init__(
        self, connection: asyncpg.Connection, client: AIOKafkaProducer, topic: str
    ) -> None:
        self._connection, self._client, self._topic = connection, client, topic
        self._waiting: asyncio.Queue[tuple[list[Outgoing], int]] = asyncio.Queue(2)
        self._task = asyncio.ensure_future(self._run())

    async def take(self, messages: list[Outgoing], last_id: int) -> None:
        """Publish `messages`, which are committed as the outbox rows up to `last_id`."""
        if self._task.done():
            self._task.result()
        await self._waiting.put((messages, last_id))

    async def _run(self) -> None:
        while True:
            messages, last_id = await self._waiting.get()
            await send(self._client, self._topic, messages)
            await self._connection.execute("DELETE FROM outbox WHERE id <= $1", last_id)
