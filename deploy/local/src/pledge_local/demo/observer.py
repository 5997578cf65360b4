"""Watches the bus and the sink, and lets the demo wait for what it expects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import httpx
from aiokafka import AIOKafkaConsumer

from pledge.events import Decoded, Event, Malformed, Topic, decode
from pledge.runtime.clock import Clock
from pledge.runtime.config.settings import KafkaSettings

WATCHED = (
    Topic.TICKET_EVENTS,
    Topic.SLA_EVENTS,
    Topic.SLA_BREACHES,
    Topic.NOTIFY_EVENTS,
    Topic.STATUS_EVENTS,
)
BETWEEN_LOOKS = timedelta(milliseconds=50)

E = TypeVar("E", bound=Event)
Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class Seen:
    """An event as it was read from its topic."""

    event: Event
    at: datetime


@dataclass(frozen=True, slots=True)
class Arrived:
    """A mail or webhook call that the sink took."""

    at: datetime
    content: dict[str, Any]


class Observer:
    """Collects everything from the moment it is entered."""

    def __init__(self, kafka: KafkaSettings, sink: str, clock: Clock) -> None:
        self._clock = clock
        self._kafka = kafka
        self._http = httpx.AsyncClient(base_url=sink, trust_env=False)
        self._seen: list[Seen] = []
        self._arrived: list[Arrived] = []
        self._more = asyncio.Condition()
        self._tasks: list[asyncio.Task[None]] = []
        self._consumer = AIOKafkaConsumer(
            *(kafka.topic(topic) for topic in WATCHED),
            **kafka.client_options(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="latest",
        )

    async def __aenter__(self) -> Observer:
        await self._consumer.start()
        for partition in self._consumer.assignment():
            # Asked for now, so that nothing sent after this line is missed.
            await self._consumer.position(partition)
        newest = (await self._http.get("/messages")).json()["items"]
        last = newest[-1]["number"] if newest else 0
        self._tasks = [
            asyncio.create_task(self._read_bus()),
            asyncio.create_task(self._read_sink(last)),
        ]
        return self

    async def __aexit__(self, *reason: object) -> None:
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._consumer.stop()
        await self._http.aclose()
        for end in ends:
            if isinstance(end, Exception):
                raise end

    async def event(self, kind: type[E], is_it: Callable[[E], bool]) -> tuple[E, datetime]:
        """The first event of `kind` that `is_it`, and when it was read; waits for it."""

        def find() -> tuple[E, datetime] | None:
            for seen in self._seen:
                if isinstance(seen.event, kind) and is_it(seen.event):
                    return seen.event, seen.at
            return None

        return await self._wait(find)

    def events(self, kind: type[E], is_it: Callable[[E], bool]) -> list[E]:
        """All events of `kind` so far that `is_it`, in the order they were read."""
        found = (seen.event for seen in self._seen if isinstance(seen.event, kind))
        return [event for event in found if is_it(event)]

    async def arrival(self, kind: str, is_it: Callable[[dict[str, Any]], bool]) -> Arrived:
        """The first `email` or `webhook` at the sink that `is_it`; waits for it."""

        def find() -> Arrived | None:
            for arrived in self._arrived:
                if arrived.content["kind"] == kind and is_it(arrived.content):
                    return arrived
            return None

        return await self._wait(find)

    async def _wait(self, find: Callable[[], Found | None]) -> Found:
        async with self._more:
            while (found := find()) is None:
                await self._more.wait()
            return found

    async def _read_bus(self) -> None:
        async for record in self._consumer:
            try:
                decoded = decode(record.headers, record.value)
            except Malformed:
                continue  # somebody tries poison meanwhile; the services keep it
            if isinstance(decoded, Decoded):
                async with self._more:
                    self._seen.append(Seen(decoded.event, self._clock.now()))
                    self._more.notify_all()

    async def _read_sink(self, last: int) -> None:
        while True:
            answer = await self._http.get("/messages", params={"since": last})
            if items := answer.json()["items"]:
                last = items[-1]["number"]
                async with self._more:
                    for item in items:
                        at = datetime.fromisoformat(item["received_at"])
                        self._arrived.append(Arrived(at, item))
                    self._more.notify_all()
            await self._clock.sleep(BETWEEN_LOOKS)
