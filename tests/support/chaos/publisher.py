"""Publishes until acknowledged, through brokers that die."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.records import Message

AGAIN_AFTER = timedelta(milliseconds=200)
STOPS_WITHIN = 5.0


class Publisher:
    """One idempotent producer, replaced when it fails."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._producer: Any = None
        self._lock = asyncio.Lock()

    async def publish(self, message: Message) -> None:
        """Return once the broker has `message`. What became of a failed attempt is not known, so
        a repetition may follow the record itself."""
        while True:
            producer = None
            try:
                producer = await self._open()
                await producer.send_and_wait(
                    self._kafka.topic(message.topic),
                    message.value,
                    # An empty key stands for none, as poison may have it.
                    key=message.key or None,
                    headers=list(message.headers),
                )
            except KafkaError:
                await self._discard(producer)
                await SystemClock().sleep(AGAIN_AFTER)
            else:
                return

    async def _open(self) -> AIOKafkaProducer:
        async with self._lock:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **self._kafka.client_options(),
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=1,
                    max_request_size=2_000_000,
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def _discard(self, producer: Any) -> None:
        async with self._lock:
            if producer is None or producer is not self._producer:
                return  # another conversation was faster
            self._producer = None
        with suppress(KafkaError, OSError, TimeoutError):
            await asyncio.wait_for(producer.stop(), STOPS_WITHIN)

    async def close(self) -> None:
        """Close the connection."""
        await self._discard(self._producer)
