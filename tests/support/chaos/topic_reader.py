"""What is on the topics, read by a consumer without a group, and parsed without Pledge's codec."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import ConsumerRecord

from pledge.runtime.config.settings import KafkaSettings
from support.topics import PLANS

PARTITIONS = 4

Raw = tuple[bytes, bytes | None, tuple[tuple[str, bytes | None], ...]]
"""Key (empty for none), value and headers of a record."""


@dataclass(frozen=True, slots=True)
class PublishedEvent:
    """One record that is an event. `appended_at` is when the broker had it."""

    topic: str
    partition: int
    offset: int
    appended_at: datetime
    key: bytes
    value: bytes
    id: str
    type: str
    subject: str
    desk: str
    sequence: int | None
    data: dict[str, Any]
    raw: Raw

    @property
    def what(self) -> str:
        """The type without vendor and version: `timer.met`."""
        return self.type.removeprefix("pledge.").rpartition(".v")[0]

    @property
    def occurred_at(self) -> datetime:
        """When it happened."""
        return datetime.fromisoformat(self.data["occurred_at"])

    def __str__(self) -> str:
        where = f"{self.topic}[{self.partition}]@{self.offset}"
        return f"{where} {self.what} {self.subject} #{self.sequence}"


class Reader:
    """Reads every topic of one deployment from its beginning."""

    def __init__(self, kafka: KafkaSettings, consumer: AIOKafkaConsumer) -> None:
        self._kafka = kafka
        self._consumer = consumer

    async def ends(self) -> dict[tuple[str, int], int]:
        """The offset behind the last record, by logical topic and partition."""
        found = await self._consumer.end_offsets(_partitions(self._kafka))
        return {
            (self._kafka.logical(each.topic), each.partition): end for each, end in found.items()
        }

    async def read(self) -> dict[str, list[ConsumerRecord]]:
        """All records by logical topic, each partition in its order."""
        partitions = _partitions(self._kafka)
        ends = await self._consumer.end_offsets(partitions)
        records: dict[str, list[ConsumerRecord]] = {plan.name: [] for plan in PLANS}
        while any([await self._consumer.position(part) < end for part, end in ends.items()]):
            for part, batch in (await self._consumer.getmany(timeout_ms=200)).items():
                records[self._kafka.logical(part.topic)] += batch
        for batch in records.values():
            batch.sort(key=lambda each: (each.partition, each.offset))
        return records


@asynccontextmanager
async def open_reader(kafka: KafkaSettings) -> AsyncIterator[Reader]:
    """A reader of all topics under the settings' prefix."""
    consumer = AIOKafkaConsumer(
        **kafka.client_options(),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    await consumer.start()
    try:
        consumer.assign(_partitions(kafka))
        yield Reader(kafka, consumer)
    finally:
        await consumer.stop()


def _partitions(kafka: KafkaSettings) -> list[TopicPartition]:
    return [
        TopicPartition(kafka.topic(plan.name), number)
        for plan in PLANS
        for number in range(min(plan.partitions, PARTITIONS))
    ]


def raw_of(record: ConsumerRecord) -> Raw:
    """The bytes of a record."""
    return (record.key or b"", record.value, tuple(record.headers))


def parse(records: Iterable[ConsumerRecord], topic: str) -> list[PublishedEvent]:
    """The records that are events, in their order; what can't be read is left out."""
    return [event for record in records if (event := _parsed(record, topic)) is not None]


def _parsed(record: ConsumerRecord, topic: str) -> PublishedEvent | None:
    try:
        headers = {name: value.decode() for name, value in record.headers}
        data = json.loads(record.value)
        return PublishedEvent(
            topic=topic,
            partition=record.partition,
            offset=record.offset,
            appended_at=datetime.fromtimestamp(record.timestamp / 1000, UTC),
            key=record.key,
            value=record.value,
            id=headers["ce_id"],
            type=headers["ce_type"],
            subject=headers["ce_subject"],
            desk=headers["ce_desk"],
            sequence=int(headers["ce_sequence"]) if "ce_sequence" in headers else None,
            data=data,
            raw=raw_of(record),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None
