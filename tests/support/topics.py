"""Topics per test, and what is in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError
from aiokafka.structs import ConsumerRecord

from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.records import Message
from pledge_local.topics import ensure_topics, read_topics
from support.cluster import ROOT

PLANS = read_topics(ROOT / "deploy" / "topics.yaml")
# Two show all that more would, order within one and work side by side, and are made in a quarter
# of the time.
PARTITIONS = 2
LED_WITHIN = 30.0


async def create(kafka: KafkaSettings, partitions: int = PARTITIONS) -> None:
    """Create every topic of `deploy/topics.yaml` under the settings' prefix, each with
    `partitions`; those of dead letters, which have no order to keep, with one."""
    plans = [
        replace(plan, partitions=1 if plan.name.endswith(".dlq") else partitions) for plan in PLANS
    ]
    await ensure_topics(kafka, plans)
    made = [(kafka.topic(plan.name), plan.partitions) for plan in plans]
    await _until_led([TopicPartition(name, n) for name, count in made for n in range(count)], kafka)


async def _until_led(partitions: Sequence[TopicPartition], kafka: KafkaSettings) -> None:
    """Wait until each new partition takes requests, so that no client complains of its leader.

    Removing what lies before offset 0, which is nothing, is a request that only a leader answers.
    """
    clock = SystemClock()
    give_up_at = clock.monotonic() + LED_WITHIN
    admin = AIOKafkaAdminClient(**kafka.client_options())
    await admin.start()
    try:
        while True:
            try:
                await admin.delete_records(dict.fromkeys(partitions, RecordsToDelete(0)))
            except KafkaError:
                if clock.monotonic() > give_up_at:
                    raise
                await clock.sleep(timedelta(milliseconds=20))
            else:
                return
    finally:
        await admin.close()


async def delete(kafka: KafkaSettings) -> None:
    """Delete all topics under the settings' prefix."""
    admin = AIOKafkaAdminClient(**kafka.client_options())
    await admin.start()
    try:
        names = [name for name in await admin.list_topics() if name.startswith(kafka.topic_prefix)]
        await admin.delete_topics(names)
    finally:
        await admin.close()


async def publish(kafka: KafkaSettings, messages: Sequence[Message]) -> None:
    """Write `messages` in their order and return when the broker has all of them."""
    producer = AIOKafkaProducer(
        **kafka.client_options(),
        acks="all",
        enable_idempotence=True,
        linger_ms=1,
        max_request_size=2_000_000,
    )
    await producer.start()
    try:
        for sent in [
            await producer.send(
                kafka.topic(message.topic),
                message.value,
                key=message.key,
                headers=list(message.headers),
            )
            for message in messages
        ]:
            await sent
    finally:
        await producer.stop()


async def read(kafka: KafkaSettings, topic: str) -> list[ConsumerRecord]:
    """All records that the logical topic holds now, partition by partition, each in order."""
    # Without a group a consumer takes all partitions by itself.
    consumer = AIOKafkaConsumer(
        kafka.topic(topic),
        **kafka.client_options(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        records: list[ConsumerRecord] = []
        while any([await consumer.position(part) < end for part, end in ends.items()]):
            for batch in (await consumer.getmany(timeout_ms=200)).values():
                records.extend(batch)
        return sorted(records, key=lambda record: (record.partition, record.offset))
    finally:
        await consumer.stop()


async def is_read(kafka: KafkaSettings, pool: asyncpg.Pool, names: Sequence[str]) -> bool:
    """Whether all records on these topics are applied to the database of `pool`."""
    rows = await pool.fetch("SELECT topic, partition, next_offset FROM consumed")
    applied = {(row["topic"], row["partition"]): row["next_offset"] for row in rows}
    probe = AIOKafkaConsumer(**kafka.client_options())
    await probe.start()
    try:
        parts = [
            TopicPartition(kafka.topic(name), number)
            for name in names
            for number in range(PARTITIONS)
        ]
        ends = await probe.end_offsets(parts)
    finally:
        await probe.stop()
    return all(
        applied.get((kafka.logical(part.topic), part.partition), -1) >= end
        for part, end in ends.items()
    )
