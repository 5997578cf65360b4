"""Asks for end offsets, on a connection of its own: a fetch that waits would hold the answer up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError

from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.kafka.ownership import PartitionState
from pledge.runtime.records import Partition


class OffsetBeyondEnd(Exception):
    """The topic ends before the offset that the database has already read."""


class EndOffsets:
    """A client of Kafka that fetches nothing. May be started again after it was stopped."""

    def __init__(self, kafka: KafkaSettings, service: str) -> None:
        self._kafka = kafka
        self._service = service
        self._client: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Connect. Raises KafkaError when no broker answers."""
        client = AIOKafkaConsumer(
            **self._kafka.client_options(), client_id=f"pledge-{self._service}-probe"
        )
        try:
            await client.start()
        except BaseException:
            await client.stop()
            raise
        self._client = client

    async def stop(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.stop()

    async def of(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """The end offset of each of `partitions` now: one behind the last record published.

        Raises KafkaError when the broker does not answer.
        """
        physical = {
            each: TopicPartition(self._kafka.topic(each.topic), each.number) for each in partitions
        }
        if not physical:
            return {}
        if self._client is None:
            raise KafkaConnectionError("not connected")
        try:
            ends = await self._client.end_offsets(list(physical.values()))
        except RuntimeError as error:
            # uvloop's, about a connection that the broker closed a moment before the request.
            raise KafkaConnectionError(str(error)) from error
        return {each: ends[theirs] for each, theirs in physical.items()}

    async def check(self, states: Mapping[Partition, PartitionState]) -> None:
        """Refuse a topic that ends before what was read: it was deleted or lost its tail.

        Raises OffsetBeyondEnd, and KafkaError when the broker does not answer.
        """
        for partition, end in (await self.of(states)).items():
            if end < (read := states[partition].next_offset):
                raise OffsetBeyondEnd(
                    f"{partition.topic}[{partition.number}] ends at offset {end}, but the database"
                    f" of {self._service} has read up to {read}. The topic was"
                    " recreated or lost records. Restore it, or start from a database that belongs"
                    " to it"
                )
