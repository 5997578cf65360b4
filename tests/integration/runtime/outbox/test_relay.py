"""What was committed is published, in order per key, whatever happens to the relay."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import asyncpg
import pytest
from aiokafka.structs import ConsumerRecord
from prometheus_client import CollectorRegistry

from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.observability.metrics import RuntimeMetrics
from pledge.runtime.outbox.relay import SHORT_ROUND_ROWS, OutboxRelay, partition_of
from pledge.runtime.outbox.writer import Outbox, UndeclaredTopic
from pledge.runtime.postgres.pool import open_pool
from pledge.runtime.records import Message
from support import topics
from support.databases import RUNTIME, Databases
from support.waiting import eventually

TOPIC = "sla.events.v1"


@asynccontextmanager
async def writer(dsn: str) -> AsyncIterator[tuple[Outbox, asyncpg.Pool]]:
    pool = await open_pool(dsn, application_name="writer", size=4)
    try:
        yield Outbox(pool), pool
    finally:
        await pool.close()


@asynccontextmanager
async def relay(kafka: KafkaSettings, dsn: str, outbox: Outbox) -> AsyncIterator[None]:
    clock = SystemClock()
    made = OutboxRelay(
        kafka,
        dsn,
        outbox,
        service="test",
        clock=clock,
        metrics=RuntimeMetrics(CollectorRegistry(), "test"),
    )
    task = asyncio.create_task(made.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def write(outbox: Outbox, start: int, count: int, keys: int = 5) -> None:
    async with outbox.transaction() as transaction:
        transaction.publish(
            *(
                Message(TOPIC, b"k%d" % (n % keys), b"%06d" % n, (("ce_id", b"%d" % n),))
                for n in range(start, start + count)
            )
        )


async def published(kafka: KafkaSettings, count: int) -> list[ConsumerRecord]:
    records = await eventually(lambda: _at_least(kafka, count), what=f"publishing {count}")
    by_key = defaultdict(list)
    for record in records:
        by_key[record.key].append(record.value)
    for values in by_key.values():
        first_seen = list(dict.fromkeys(values))
        assert first_seen == sorted(first_seen)
    return records


async def _at_least(kafka: KafkaSettings, count: int) -> list[ConsumerRecord]:
    records = await topics.read(kafka, TOPIC)
    return records if len({record.value for record in records}) >= count else []


async def test_a_rolled_back_transaction_publishes_nothing(
    kafka: KafkaSettings, database: Databases
) -> None:
    dsn = database(RUNTIME)
    async with writer(dsn) as (outbox, _), relay(kafka, dsn, outbox):
        with suppress(ZeroDivisionError):
            async with outbox.transaction() as transaction:
                transaction.publish(Message(TOPIC, b"k", b"never", ()))
                raise ZeroDivisionError
        await write(outbox, 0, 1)
        assert [record.value for record in await published(kafka, 1)] == [b"000000"]


async def test_rows_of_another_process_are_published_too(
    kafka: KafkaSettings, database: Databases
) -> None:
    dsn = database(RUNTIME)
    async with writer(dsn) as (relayed, _), relay(kafka, dsn, relayed), writer(dsn) as (other, _):
        await write(other, 0, 100)
        await published(kafka, 100)


async def test_a_relay_whose_connection_dies_goes_on_in_order(
    kafka: KafkaSettings, database: Databases
) -> None:
    dsn = database(RUNTIME)
    async with writer(dsn) as (outbox, pool), relay(kafka, dsn, outbox):
        for start in range(0, 2_000, 200):
            await write(outbox, start, 200)
            await pool.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'pledge-test-relay'"
                " AND datname = current_database()"
            )
        await published(kafka, 2_000)


async def test_a_producer_that_silently_ended_is_replaced(
    kafka: KafkaSettings, database: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pledge.runtime.outbox.relay.SILENCE_LIMIT", timedelta(seconds=1))
    impatient = kafka.model_copy(update={"request_timeout": timedelta(seconds=1)})
    dsn = database(RUNTIME)
    async with writer(dsn) as (outbox, _), relay(impatient, dsn, outbox):
        await write(outbox, 0, 50)
        await published(kafka, 50)
        (sending,) = [each for each in asyncio.all_tasks() if "_sender_routine" in repr(each)]
        sending.cancel()
        await write(outbox, 50, 50)
        await published(kafka, 100)


async def test_a_second_relay_takes_over_and_only_then_publishes(
    kafka: KafkaSettings, database: Databases
) -> None:
    dsn = database(RUNTIME)
    async with writer(dsn) as (outbox, pool), writer(dsn) as (standby, _):
        async with relay(kafka, dsn, outbox):
            await write(outbox, 0, 50)
            await published(kafka, 50)
            async with relay(kafka, dsn, standby):
                await write(outbox, 50, 50)
                records = await published(kafka, 100)
                assert len(records) == 100
        async with relay(kafka, dsn, standby):
            await write(outbox, 100, 50)
            assert len(await published(kafka, 150)) == 150
            await eventually(lambda: settled_in(pool))


async def settled_in(pool: asyncpg.Pool) -> bool:
    async with pool.acquire() as connection:
        return not await connection.fetchval("SELECT EXISTS (SELECT FROM outbox)")


async def test_large_records_are_published_one_batch_after_the_other(
    kafka: KafkaSettings, database: Databases
) -> None:
    dsn = database(RUNTIME)
    async with writer(dsn) as (outbox, _), relay(kafka, dsn, outbox):
        async with outbox.transaction() as transaction:
            for n in range(8):
                body = b"%06d" % n + b"x" * 700_000
                transaction.publish(Message(TOPIC, b"same", body, ()))
        records = await published(kafka, 8)
        assert [len(record.value or b"") for record in records] == [700_006] * 8


async def test_rounds_are_short_while_some_must_not_wait_for_the_rest(
    kafka: KafkaSettings, database: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: list[int] = []
    monkeypatch.setattr(RuntimeMetrics, "relayed", lambda self, count, age: rounds.append(count))
    dsn = database(RUNTIME)
    async with writer(dsn) as (outbox, _):
        await write(outbox, 0, 3 * SHORT_ROUND_ROWS)
        monkeypatch.setattr("pledge.runtime.outbox.writer.SHORT_FOR", timedelta(minutes=5))
        outbox.shorten_rounds()
        async with relay(kafka, dsn, outbox):
            await published(kafka, 3 * SHORT_ROUND_ROWS)
    assert rounds == [SHORT_ROUND_ROWS] * 3


def test_keys_go_where_kafkas_own_partitioner_puts_them() -> None:
    # Figures of the Java client for these keys over 12 partitions.
    assert {partition_of(b"key-%d" % n, 12) for n in range(200)} == set(range(12))
    assert partition_of(b"21", 1000) == (-973932308 & 0x7FFFFFFF) % 1000
    assert partition_of(b"foobar", 1000) == (-790332482 & 0x7FFFFFFF) % 1000


async def test_a_message_for_a_topic_that_the_service_does_not_write_takes_its_transaction_along(
    database: Databases,
) -> None:
    async with writer(database(RUNTIME)) as (_, pool):
        outbox = Outbox(pool, frozenset({TOPIC}))

        async def write_elsewhere() -> None:
            async with outbox.transaction() as transaction:
                transaction.publish(Message(TOPIC, b"k", b"allowed", ()))
                transaction.publish(Message("status.events.v1", b"k", b"not ours", ()))

        with pytest.raises(UndeclaredTopic, match=r"status\.events\.v1: not among the topics"):
            await write_elsewhere()

        assert await pool.fetchval("SELECT count(*) FROM outbox") == 0
