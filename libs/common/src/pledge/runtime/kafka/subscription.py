"""The one FastStream subscriber of a service, told to lose nothing.

FastStream runs the fetch loop; parsing, acknowledging and deciding what a failure means are ours,
since its defaults would drop a batch whose headers it can't read and go on after a failed handler.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.structs import ConsumerRecord
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER
from faststream.security import BaseSecurity, SASLPlaintext, SASLScram256, SASLScram512

from pledge.runtime.config.settings import KafkaSettings

# After an empty poll FastStream sleeps this long too, so it bounds the latency of an idle service.
POLL_TIMEOUT_MS = 10
# A handler waits out a database outage inside one poll; the group must not take it for dead.
MAX_POLL_INTERVAL_MS = 24 * 3600 * 1000

# Saying goodbye to the group takes a round trip or two.
STOP_LIMIT = timedelta(seconds=10)

# What keeps FastStream from fetching (a codec, a right that was taken away) it tells here alone.
_LOGGER = logging.getLogger("pledge.subscription")
_LOGGER.setLevel(logging.ERROR)

log = structlog.get_logger()

OnBatch = Callable[[Sequence[ConsumerRecord]], Awaitable[None]]


# Registered and not derived: aiokafka has no types, and a class derived from Any has none either.
@ConsumerRebalanceListener.register
class Listener:
    """Hands aiokafka's rebalances on."""

    def __init__(
        self,
        assigned: Callable[[set[TopicPartition]], Awaitable[None]],
        revoked: Callable[[set[TopicPartition]], Awaitable[None]],
    ) -> None:
        self._assigned = assigned
        self._revoked = revoked

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Called by aiokafka after a rebalance, before records are fetched."""
        await self._assigned(assigned)

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Called by aiokafka before a rebalance; the group waits for it."""
        await self._revoked(revoked)


class Subscription:
    """Feeds raw records to `on_batch`, one batch at a time, and tells of rebalances."""

    def __init__(
        self,
        kafka: KafkaSettings,
        *,
        service: str,
        topics: Sequence[str],
        on_batch: OnBatch,
        listener: Listener,
    ) -> None:
        self._broker = KafkaBroker(
            kafka.bootstrap_servers.split(","),
            client_id=f"pledge-{service}",
            consumer_only=True,
            allow_auto_create_topics=False,
            apply_types=False,
            logger=_LOGGER,
            graceful_timeout=None,
            request_timeout_ms=int(kafka.request_timeout.total_seconds() * 1000),
            security=_security(kafka),
        )
        self._subscriber = self._broker.subscriber(
            *(kafka.topic(topic) for topic in topics),
            batch=True,
            group_id=kafka.group(service),
            group_instance_id=kafka.group_instance_id,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL,
            batch_timeout_ms=POLL_TIMEOUT_MS,
            max_records=kafka.batch_records,
            session_timeout_ms=int(kafka.session_timeout.total_seconds() * 1000),
            heartbeat_interval_ms=int(kafka.heartbeat_interval.total_seconds() * 1000),
            rebalance_timeout_ms=int(kafka.rebalance_timeout.total_seconds() * 1000),
            max_poll_interval_ms=MAX_POLL_INTERVAL_MS,
            listener=listener,
            parser=_parse,
            decoder=_decode,
        )

        @self._subscriber
        async def batch(records: Sequence[ConsumerRecord]) -> None:
            await on_batch(records)

    async def start(self) -> None:
        """Connect, join the group and begin to feed. Raises KafkaError when no broker answers."""
        await self._broker.start()

    async def stop(self) -> None:
        """Leave the group. Whoever stops must have finished or abandoned the batch in flight."""
        try:
            async with asyncio.timeout(STOP_LIMIT.total_seconds()):
                await self._broker.stop()
        except Exception as error:
            # Also what had ended one of its tasks before is raised here.
            log.warning("the Kafka client stopped in disorder", error=repr(error))

    @property
    def is_feeding(self) -> bool:
        """Whether FastStream still fetches. It does not tell when a cancelled wait has ended it."""
        return any(not task.done() for task in self._subscriber.tasks)

    def seek(self, topic_partition: TopicPartition, offset: int) -> None:
        """Read `topic_partition` from `offset` on."""
        self._consumer.seek(topic_partition, offset)

    async def commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Tell the group how far we are; for lag tools, nothing is read back from it."""
        await self._consumer.commit(dict(offsets))

    @property
    def _consumer(self) -> AIOKafkaConsumer:
        consumer = self._subscriber.consumer
        if consumer is None:
            raise RuntimeError("the subscription was not started")
        return consumer


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
    """Carry the records on as they are: headers are none of FastStream's business."""
    return KafkaMessage(
        body=b"", headers={}, raw_message=records, message_id="", consumer=FAKE_CONSUMER
    )


async def _decode(message: KafkaMessage) -> Any:
    return message.raw_message
