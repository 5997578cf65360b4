"""What an independent consumer of a topic is given, and when."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from aiokafka import AIOKafkaConsumer

from bench.rig import CLOCK, GIVE_UP_AFTER, PROGRESS_EVERY, Child
from pledge.runtime.config.settings import KafkaSettings

# An instant of arrival and the record's value.
Arrival = tuple[datetime, bytes]


@asynccontextmanager
async def reading(kafka: KafkaSettings, *topics: str) -> AsyncIterator[list[Arrival]]:
    """What an independent consumer of the topics gets, and when."""
    names = [kafka.topic(topic) for topic in topics]
    consumer = AIOKafkaConsumer(*names, **kafka.client_options(), group_id=None)
    arrived: list[Arrival] = []

    async def read() -> None:
        while True:
            batches = await consumer.getmany(timeout_ms=1_000)
            at = CLOCK.now()
            arrived.extend((at, record.value) for each in batches.values() for record in each)

    await consumer.start()
    task = asyncio.create_task(read())
    try:
        yield arrived
    finally:
        task.cancel()
        await asyncio.wait([task])
        await consumer.stop()


async def until(is_done: Callable[[], bool], children: Sequence[Child]) -> None:
    """Wait for `is_done`. Raises RuntimeError when a child ended, TimeoutError after long."""
    give_up_at = CLOCK.monotonic() + GIVE_UP_AFTER
    while not is_done():
        for child in children:
            child.check()
        if CLOCK.monotonic() > give_up_at:
            raise TimeoutError(f"not everything arrived within {GIVE_UP_AFTER:g} s")
        await CLOCK.sleep(PROGRESS_EVERY)


def percentile(values: Sequence[float], at: float) -> float:
    """The least of `values` that so large a share of them does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(at * len(ordered)) - 1)]


@dataclass(frozen=True, slots=True)
class Delays:
    """Milliseconds from the instant promised to the arrival, of each ticket once."""

    values: Sequence[float]
    last_at: datetime

    def __str__(self) -> str:
        return ", ".join(f"p{at:g} {self.at(at / 100):.1f}" for at in (50, 90, 99, 100)) + " ms"

    def at(self, share: float) -> float:
        """A percentile."""
        return percentile(self.values, share)


def delays(what: str, arrived: Sequence[Arrival], promised: Mapping[str, datetime]) -> Delays:
    """How late the event of each ticket in `promised` came; events of others are left aside.

    Raises RuntimeError unless each came exactly once.
    """
    took: dict[str, float] = {}
    last_at, count = min(promised.values()), 0
    for at, value in arrived:
        ticket_id = json.loads(value)["ticket_id"]
        due = promised.get(ticket_id)
        if due is None:
            continue
        count += 1
        last_at = max(last_at, at)
        took[ticket_id] = (at - due) / timedelta(milliseconds=1)
    if took.keys() != promised.keys() or count != len(promised):
        raise RuntimeError(f"{what}: {count} events of {len(took)} tickets, not {len(promised)}")
    return Delays(list(took.values()), last_at)
