"""Reads one record again by where it stands, apart from any group of consumers."""

from __future__ import annotations

from datetime import timedelta

from aiokafka import AIOKafkaConsumer, TopicPartition

from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.records import Partition, Record, from_kafka


async def record_at(
    kafka: KafkaSettings, partition: Partition, offset: int, within: timedelta
) -> Record | None:
    """The record at that offset of a logical partition; None if it is past the topic's retention,
    or not there yet. Raises KafkaError when no broker answers."""
    physical = TopicPartition(kafka.topic(partition.topic), partition.number)
    consumer = AIOKafkaConsumer(
        **kafka.client_options(),
        client_id="pledge-record-at",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="none",
    )
    try:
        await consumer.start()
        first = (await consumer.beginning_offsets([physical]))[physical]
        end = (await consumer.end_offsets([physical]))[physical]
        if not first <= offset < end:
            return None
        consumer.assign([physical])
        consumer.seek(physical, offset)
        timeout_ms = int(within.total_seconds() * 1000)
        fetched = await consumer.getmany(physical, timeout_ms=timeout_ms, max_records=1)
    finally:
        await consumer.stop()
    for raw in fetched.get(physical, ()):
        if raw.offset == offset:
            return from_kafka(raw, partition.topic)
    return None
