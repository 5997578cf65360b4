"""Publishes channel events at once: the caller may say "taken" when `publish` returns.

Gateways have no outbox: what they accept is on Kafka, acknowledged by all in-sync replicas, or it
is not accepted. A delivery whose acknowledgement came too late is sent again by its sender, and is
recognised by its key.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from pledge.events import Encoded
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.retry import retry_while_away

# Room for an event of 900,000 bytes with its key and headers.
MAX_REQUEST_BYTES: Final = 1_048_576
STOP_LIMIT: Final = timedelta(seconds=5)

log = structlog.get_logger()


class PublishUnavailable(Exception):
    """Kafka did not acknowledge in time; the sender should try again later."""


class ChannelPublisher:
    """One idempotent producer, replaced when it can't recover."""

    def __init__(self, kafka: KafkaSettings, *, timeout: timedelta) -> None:
        self._kafka = kafka
        self._timeout = timeout
        self._producer: AIOKafkaProducer | None = None
        self._broken = asyncio.Event()

    @property
    def is_ready(self) -> bool:
        """Whether a producer is connected."""
        return self._producer is not None

    async def run(self) -> None:
        """Keep a connected producer until cancelled; a broker that is away is waited for."""
        while True:
            await retry_while_away(
                self._session,
                on_retry=lambda error: log.warning("gateway_waits_for_kafka", error=repr(error)),
                passing=(KafkaError,),
            )
            log.warning("gateway_producer_replaced")

    async def _session(self) -> None:
        """Connect one producer and keep it until it is beyond repair."""
        producer = AIOKafkaProducer(
            **self._kafka.client_options(),
            client_id="pledge-intake-gateway",
            acks="all",
            enable_idempotence=True,
            # Deliveries of one moment share a request; a few of them wait this long for it.
            linger_ms=2,
            max_request_size=MAX_REQUEST_BYTES,
        )
        try:
            await producer.start()
            self._broken.clear()
            self._producer = producer
            await self._broken.wait()
        finally:
            self._producer = None
            with suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(producer.stop(), STOP_LIMIT.total_seconds())

    async def publish(self, records: Sequence[Encoded]) -> None:
        """Return when every record is acknowledged by all in-sync replicas.

        Raises PublishUnavailable otherwise: some of the records may be on Kafka all the same.
        """
        producer = self._producer
        if producer is None:
            raise PublishUnavailable("Kafka is not connected")
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                sent = [
                    await producer.send(
                        self._kafka.topic(each.topic),
                        each.value,
                        key=each.key,
                        headers=list(each.headers),
                    )
                    for each in records
                ]
                await asyncio.gather(*sent)
        except MessageSizeTooLargeError:
            raise
        except TimeoutError as error:
            raise PublishUnavailable("Kafka did not acknowledge in time") from error
        except KafkaError as error:
            # An idempotent producer that lost its sequence refuses everything from then on.
            self._broken.set()
            raise PublishUnavailable(f"Kafka refused: {error!r}") from error
