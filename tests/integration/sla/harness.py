"""The sla service in this process, on the real broker and database, under a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from integration.sla.acme import write_acme
from integration.sla.stories import MONDAY, Story, decoded
from pledge.events import Decoded, Event
from pledge.runtime.clock import SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.records import Message
from pledge.runtime.testing import SeededIds, VirtualClock
from pledge_local.free_port import free_port
from sla.__main__ import serve
from sla.settings import SlaSettings
from sla.topics import TOPICS
from support import topics
from support.asking import asker
from support.tokens import Signer, write_jwks
from support.waiting import eventually


class Sla:
    """One running instance. Use as an async context manager; `restart` gives another."""

    def __init__(
        self,
        kafka: KafkaSettings,
        dsn: str,
        folder: Path,
        *,
        clock: VirtualClock | None = None,
        desks: Path | None = None,
        **settings: Any,
    ) -> None:
        self.kafka, self.dsn, self.folder = kafka, dsn, folder
        self.clock = clock or VirtualClock(MONDAY)
        self.signer = Signer()
        self.settings = SlaSettings(
            dsn=dsn,
            http_port=settings.pop("http_port", 0) or free_port(),
            desks=desks or write_acme(folder),
            jwks=str(write_jwks(folder / "jwks.json", self.signer)),
            **settings,
        )
        self.stop = asyncio.Event()
        self.sent = 0

    async def __aenter__(self) -> Sla:
        self.connection = await asyncpg.connect(self.dsn)
        self.serving = asyncio.create_task(
            serve(self.settings, self.kafka, self.clock, SeededIds(self.clock, 1), self.stop)
        )
        self.probe = AIOKafkaConsumer(**self.kafka.client_options())
        await self.probe.start()
        self.inputs = [
            TopicPartition(self.kafka.topic(topic), number)
            for topic in TOPICS.reads
            for number in range(topics.PARTITIONS)
        ]
        await eventually(self._is_ready, what="the service's readiness")
        return self

    async def __aexit__(self, *_: object) -> None:
        self.stop.set()
        try:
            await asyncio.wait_for(self.serving, 30)
        finally:
            await self.probe.stop()
            await self.connection.close()

    async def kill(self) -> None:
        """End it as a crash would: nothing is finished, nothing handed over."""
        self.serving.cancel()
        with suppress(asyncio.CancelledError):
            await self.serving

    async def deliver(self, *stories: Story | Message) -> None:
        """Put the stories' events on the bus, all at once, and wait until they are worked off."""
        await self.publish(*stories)
        await self.settled()

    async def publish(self, *stories: Story | Message) -> None:
        messages: list[Message] = []
        for each in stories:
            messages.extend(each.messages if isinstance(each, Story) else [each])
        await topics.publish(self.kafka, messages)

    async def advance(self, by: timedelta) -> None:
        """Let time pass, stopping at each instant for which something is armed."""
        goal = self.clock.now() + by
        while True:
            wake = await self.connection.fetchval("SELECT min(wake_at) FROM tickets")
            if wake is None or wake > goal:
                break
            if wake > self.clock.now():
                self.clock.advance_to(wake)
            await self.settled()
        self.clock.advance_to(goal)
        await self.settled()

    async def settled(self) -> None:
        """Wait until all input is applied, all that is due is fired, all output published."""
        await eventually(self._is_settled, what="coming to rest")

    async def _is_settled(self) -> bool:
        self._fail_if_ended()
        end = sum((await self.probe.end_offsets(self.inputs)).values())
        return bool(
            await self.connection.fetchval(
                """
                SELECT (SELECT coalesce(sum(next_offset), 0) FROM consumed) >= $1
                   AND NOT EXISTS (SELECT FROM outbox)
                   AND NOT EXISTS (SELECT FROM tickets WHERE wake_at <= $2)
                """,
                end,
                self.clock.now(),
            )
        )

    async def _is_ready(self) -> bool:
        self._fail_if_ended()
        try:
            async with self.http() as client:
                return (await client.get("/readyz")).is_success
        except httpx.HTTPError:
            return False

    def _fail_if_ended(self) -> None:
        if self.serving.done():
            self.serving.result()
            raise AssertionError("the service ended by itself")

    def http(self, **claims: Any) -> httpx.AsyncClient:
        """A client with a token, by default for the desk acme."""
        # Tokens are checked by the service's clock.
        token = self.signer.token(self.clock.now(), **({"desks": ["acme"]} | claims))
        return asker(
            f"http://127.0.0.1:{self.settings.http_port}",
            headers={"authorization": f"Bearer {token}"},
        )

    async def get(self, path: str, **params: Any) -> Any:
        async with self.http() as client:
            answer = await client.get(path, params=params)
            answer.raise_for_status()
            return answer.json()

    async def timer_events(self) -> list[Decoded]:
        return decoded(await topics.read(self.kafka, "sla.events.v1"))

    async def breach_events(self) -> list[Decoded]:
        return decoded(await topics.read(self.kafka, "sla.breaches.v1"))


def said(events: Sequence[Decoded], story: Story | None = None) -> list[tuple[str, str]]:
    """(what, metric) of each event, in order; of one ticket when `story` is given."""
    return [
        (each.event.type.split(".")[2], getattr(each.event, "metric", ""))
        for each in events
        if story is None or each.envelope.subject == str(story.ticket_id)
    ]


def about(events: Sequence[Decoded], what: str, metric: str) -> Event:
    """The one event of that kind and metric."""
    (found,) = [
        each.event
        for each in events
        if each.event.type.split(".")[2] == what and getattr(each.event, "metric", "") == metric
    ]
    return found


def real_now() -> datetime:
    return SystemClock().now()
