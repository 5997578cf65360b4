"""The client of Kafka: FastStream's fetch loop and aiokafka's group member, set to lose nothing.

Parsing, acknowledging and deciding what a failure means are ours, since FastStream's defaults would
drop a batch whose headers it can't read and go on after a failed handler.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import ConsumerRecord
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.records import Partition, Record, from_kafka

# After an empty poll FastStream sleeps this long too, so it bounds the latency of an idle service.
POLL_TIMEOUT_MS = 10
# A handler waits out a database outage inside one poll; the group must not take it for dead.
MAX_POLL_INTERVAL_MS = 24 * 3600 * 1000

# Leaving the group takes a round trip or two.
STOP_LIMIT = timedelta(seconds=10)

# FastStream logs here, and nowhere else, what keeps it from fetching: a codec, a missing right.
_LOGGER = logging.getLogger("pledge.subscription")
_LOGGER.setLevel(logging.ERROR)

log = structlog.get_logger()

Batches = Mapping[Partition, Sequence[Record]]


class Subscriber(Protocol):
    """The consumer, as its client sees it."""

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        """The group has assigned `partitions`; called before their records are fetched."""
        ...

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        """The group takes `partitions` away, and waits for the return of this call."""
        ...

    async def received(self, batches: Batches) -> None:
        """The next records of each partition; what is fetched next waits for the return."""
        ...


# Registered and not derived: aiokafka has no types, and a class derived from Any has none either.
@ConsumerRebalanceListener.register
class _RebalanceListener:
    """Hands aiokafka's rebalances to the subscriber."""

    def __init__(self, kafka: KafkaSettings, subscriber: Subscriber) -> None:
        self._kafka = kafka
        self._subscriber = subscriber

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Called by aiokafka after a rebalance, before records are fetched."""
        await self._subscriber.assigned(self._logical(assigned))

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Called by aiokafka before a rebalance; the group waits for it."""
        await self._subscriber.revoked(self._logical(revoked))

    def _logical(self, partitions: set[TopicPartition]) -> frozenset[Partition]:
        return frozenset(
            Partition(self._kafka.logical(each.topic), each.partition) for each in partitions
        )


class Subscription:
    """A member of the service's consumer group. May be started again after it was stopped."""

    def __init__(
        self, kafka: KafkaSettings, subscriber: Subscriber, *, service: str, topics: Sequence[str]
    ) -> None:
        self._kafka = kafka
        self._subscriber = subscriber
        self._service = service
        self._topics = tuple(topics)
        self._broker: KafkaBroker | None = None
        # FastStream's subscriber; its type parameters matter to no caller.
        self._feed: Any = None
        self._is_started = False

    async def start(self) -> None:
        """Connect, join the group and begin to feed. Raises KafkaError when no broker answers.

        The first assignment is handed to the subscriber while this is under way.
        """
        self._broker = self._new_broker()
        self._feed = self._new_feed(self._broker)
        try:
            await self._broker.start()
        except BaseException:
            await self.stop()
            raise
        self._is_started = True

    async def stop(self) -> None:
        """Leave the group and close the client. What was received must be done or given up."""
        broker = self._broker
        self._broker, self._feed, self._is_started = None, None, False
        if broker is None:
            return
        try:
            async with asyncio.timeout(STOP_LIMIT.total_seconds()):
                await broker.stop()
        except Exception as error:
            # An error that had ended one of its tasks before is raised here, too.
            log.warning("kafka_client_stop_failed", error=repr(error))

    @property
    def has_ended(self) -> bool:
        """Whether FastStream fetches no more. It does not say so when a cancelled wait ended it."""
        return self._is_started and all(task.done() for task in self._feed.tasks)

    @property
    def member_id(self) -> str:
        """The coordinator's id of this member; empty while it has none."""
        coordinator = self._coordinator
        return "" if coordinator is None else str(coordinator.member_id)

    @property
    def is_heartbeating(self) -> bool:
        """Whether the tasks run that keep the membership: heartbeats and rebalances."""
        coordinator = self._coordinator
        if coordinator is None:
            return False
        tasks = (coordinator._heartbeat_task, coordinator._coordination_task)
        return all(task is not None and not task.done() for task in tasks)

    def seek(self, partition: Partition, offset: int) -> None:
        """Fetch `partition` from `offset` on."""
        self._consumer.seek(self._physical(partition), offset)

    async def commit(self, offsets: Mapping[Partition, int]) -> None:
        """Commit `offsets` to the group; no offset is ever read back from there.

        Raises KafkaError, and ValueError when a partition was revoked meanwhile.
        """
        physical = {self._physical(each): offset for each, offset in offsets.items()}
        try:
            await self._consumer.commit(physical)
        except RuntimeError as error:
            # uvloop's, about a connection that the broker closed a moment before the request.
            raise KafkaConnectionError(str(error)) from error

    def _new_broker(self) -> KafkaBroker:
        return KafkaBroker(
            self._kafka.bootstrap_servers.split(","),
            client_id=f"pledge-{self._service}",
            consumer_only=True,
            allow_auto_create_topics=False,
            apply_types=False,
            logger=_LOGGER,
            graceful_timeout=None,
            request_timeout_ms=int(self._kafka.request_timeout.total_seconds() * 1000),
            security=_security(self._kafka),
        )

    def _new_feed(self, broker: KafkaBroker) -> Any:
        kafka = self._kafka
        feed = broker.subscriber(
            *(kafka.topic(topic) for topic in self._topics),
            batch=True,
            group_id=kafka.group(self._service),
            group_instance_id=kafka.group_instance_id,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            batch_timeout_ms=POLL_TIMEOUT_MS,
            max_records=kafka.batch_records,
            session_timeout_ms=int(kafka.session_timeout.total_seconds() * 1000),
            heartbeat_interval_ms=int(kafka.heartbeat_interval.total_seconds() * 1000),
            rebalance_timeout_ms=int(kafka.rebalance_timeout.total_seconds() * 1000),
            max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
            listener=_RebalanceListener(kafka, self._subscriber),
            parser=_parse,
            decoder=_decode,
        )

        @feed
        async def batch(records: Sequence[ConsumerRecord]) -> None:
            await self._subscriber.received(self._by_partition(records))

        return feed

    def _by_partition(self, raw: Sequence[ConsumerRecord]) -> Batches:
        batches: dict[Partition, list[Record]] = {}
        for each in raw:
            record = from_kafka(each, self._kafka.logical(each.topic))
            batches.setdefault(Partition(record.topic, record.partition), []).append(record)
        return batches

    def _physical(self, partition: Partition) -> TopicPartition:
        return TopicPartition(self._kafka.topic(partition.topic), partition.number)

    @property
    def _consumer(self) -> AIOKafkaConsumer:
        consumer = None if self._feed is None else self._feed.consumer
        if consumer is None:
            raise KafkaConnectionError("not connected")
        return consumer

    @property
    def _coordinator(self) -> Any:
        """aiokafka's side of the membership, of which it shows nothing; None before the start."""
        consumer = None if self._feed is None else self._feed.consumer
        return None if consumer is None else consumer._coordinator


def _security(kafka: KafkaSettings) -> BaseSecurity:
    context = kafka.ssl_context()
    use_ssl = context is not None
    if kafka.sasl_mechanism is None or kafka.sasl_password is None:
        return BaseSecurity(ssl_context=context, use_ssl=use_ssl)
    mechanisms = {
        "PLAIN": SASLPlaintext,
        "SCRAM-SHA-256": SASLScram256,
        "SCRAM-SHA-512": SASLScram512,
    }
    return mechanisms[kafka.sasl_mechanism](
        username=kafka.sasl_username or "",
        password=kafka.sasl_password.get_secret_value(),
        ssl_context=context,
        use_ssl=use_ssl,
    )


async def _parse(records: tuple[ConsumerRecord, ...]) -> KafkaMessage:
    """Hand the records on as they are: FastStream need not read their headers."""
    return KafkaMessage(
        body=b"", headers={}, raw_message=records, message_id="", consumer=FAKE_CONSUMER
    )


async def _decode(message: KafkaMessage) -> Any:
    return message.raw_message
