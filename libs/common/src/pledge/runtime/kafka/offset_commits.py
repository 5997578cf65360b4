"""Tells Kafka how far we are, for tools that show lag; nothing is ever read back from there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from pledge.runtime.clock import SystemClock
from pledge.runtime.kafka.subscription import Subscription

# The truth is in the database, so commits are seldom and under a timeout.
COMMIT_INTERVAL = timedelta(seconds=2)
COMMIT_TIMEOUT = timedelta(seconds=5)

log = structlog.get_logger()

Offsets = Mapping[TopicPartition, int]


async def commit_for_ever(
    subscription: Callable[[], Subscription | None],
    offsets: Callable[[], Offsets],
) -> None:
    """Commit what `offsets` gives whenever it has changed, until cancelled."""
    committed: Offsets = {}
    while True:
        await SystemClock().sleep(COMMIT_INTERVAL)
        current, reading = subscription(), offsets()
        if current is None or reading == committed or not reading:
            continue
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT.total_seconds()):
                await current.commit(reading)
            committed = reading
        except (KafkaError, TimeoutError, ValueError) as error:
            # Only lag tools miss it. ValueError: a partition went while we asked.
            log.info("offsets were not committed to Kafka", error=repr(error))
