"""One record is read again by where it stands."""

from __future__ import annotations

from datetime import timedelta

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from pledge.events import Topic
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.kafka.record_at import record_at
from pledge.runtime.records import Message, Partition
from support import topics

TOPIC = Topic.CHANNEL_EMAIL
SOON = timedelta(seconds=10)


async def test_a_record_is_read_by_its_offset_as_long_as_the_topic_has_it(
    kafka: KafkaSettings,
) -> None:
    headers = (("name", b"value"),)
    messages = [Message(TOPIC, b"key", f"{n}".encode(), headers) for n in range(5)]
    await topics.publish(kafka, messages)
    (partition,) = {each.partition for each in await topics.read(kafka, TOPIC)}
    where = Partition(TOPIC, partition)
    for offset in (0, 3, 4):
        found = await record_at(kafka, where, offset, SOON)
        assert found is not None
        assert (found.topic, found.partition, found.offset) == (TOPIC, partition, offset)
        assert (found.value, found.headers) == (f"{offset}".encode(), headers)
    assert await record_at(kafka, where, 5, SOON) is None, "not there yet"
    admin = AIOKafkaAdminClient(**kafka.client_options())
    await admin.start()
    try:
        physical = TopicPartition(kafka.topic(TOPIC), partition)
        await admin.delete_records({physical: RecordsToDelete(4)})
    finally:
        await admin.close()
    assert await record_at(kafka, where, 3, SOON) is None, "past the retention"
    assert await record_at(kafka, where, 4, SOON) is not None
