"""The load: tickets on the bus, chats, mails and forms, with duplicates and out of order.

All of it is planned from a random source before it begins. Each conversation is sent by its own
task, one event after the other, and each event is sent until it is acknowledged: a broker or
a gateway that is away makes it late, never lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pledge.runtime.clock import SystemClock
from support.chaos.deployment import Deployment
from support.chaos.gateways import HttpCases, SmtpMails
from support.chaos.poison import BadRecord
from support.chaos.publisher import Publisher
from support.chaos.random_source import RandomSource
from support.chaos.stories import (
    Channel,
    Conversation,
    Delivery,
    TicketStory,
    plan_conversation,
    plan_ticket,
)

CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Size:
    """How much comes in within `lasts`."""

    lasts: timedelta
    tickets: int
    chats: int
    mails: int
    cases: int
    smtp: int

    @property
    def stories(self) -> int:
        """How many conversations begin."""
        return self.tickets + self.chats + self.mails + self.cases + self.smtp


SHORT = Size(timedelta(seconds=2.5), tickets=30, chats=20, mails=8, cases=4, smtp=4)
LONG = Size(timedelta(seconds=8), tickets=150, chats=100, mails=40, cases=20, smtp=20)


@dataclass(slots=True)
class Ledger:
    """What was sent and acknowledged: the input that the oracle compares with."""

    tickets: list[TicketStory] = field(default_factory=list)
    conversations: list[Conversation] = field(default_factory=list)
    events: int = 0
    """Distinct ones."""
    duplicates: int = 0
    """Sent again on purpose."""
    poison: list[BadRecord] = field(default_factory=list)


class Load:
    """The load of one trial; everything that is sent is noted in `ledger`."""

    def __init__(
        self, deployment: Deployment, rng: RandomSource, size: Size, ledger: Ledger
    ) -> None:
        self._rng = rng
        self._size = size
        self.ledger = ledger
        self._publisher = Publisher(deployment.kafka)
        self._cases = HttpCases(deployment)
        self._mails = SmtpMails(deployment)
        self._task: asyncio.Task[None] | None = None
        self._began: datetime = CLOCK.now()

    def begin(self) -> None:
        """Let it come in, in the background."""
        self._task = asyncio.create_task(self._run())

    async def done(self) -> None:
        """Wait until everything was acknowledged."""
        if self._task is not None:
            await self._task

    async def plant(self, bad: Sequence[BadRecord]) -> None:
        """Write bad records in their order, while the load runs."""
        for each in bad:
            self.ledger.poison.append(each)
            await self._publisher.publish(each.message)

    async def close(self) -> None:
        """Stop what still runs and close the connections."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._publisher.close()

    async def _run(self) -> None:
        self._began = CLOCK.now()
        async with asyncio.TaskGroup() as group:
            for story in self._plan():
                group.create_task(story)

    def _plan(self) -> list[Coroutine[None, None, None]]:
        size, rng, seconds = self._size, self._rng, self._size.lasts.total_seconds()
        tasks: list[Coroutine[None, None, None]] = []
        for _ in range(size.tickets):
            ticket = plan_ticket(rng, self._began, seconds)
            self.ledger.tickets.append(ticket)
            tasks.append(self._send_ticket(ticket))
        channels = [
            *[Channel.CHAT] * size.chats,
            *[Channel.EMAIL] * size.mails,
            *[Channel.HTTP] * size.cases,
            *[Channel.SMTP] * size.smtp,
        ]
        for channel in channels:
            one = plan_conversation(rng, channel, self._began, seconds)
            self.ledger.conversations.append(one)
            tasks.append(self._send_conversation(one))
        rng.shuffle(tasks)
        return tasks

    async def _send_ticket(self, story: TicketStory) -> None:
        for step in story.steps:
            await CLOCK.sleep_until(step.at)
            await self._publisher.publish(story.message(step, CLOCK.now()))
            self.ledger.events += 1
            for message in story.duplicates(step):
                await self._publisher.publish(message)
                self.ledger.duplicates += 1

    async def _send_conversation(self, one: Conversation) -> None:
        for delivery in one.deliveries:
            await CLOCK.sleep_until(delivery.at)
            await self._deliver(one, delivery, 0)
            self.ledger.events += 1
        # Then everything that is delivered more than once, the newest first.
        for delivery in reversed(one.deliveries):
            for copy in range(1, delivery.copies + 1):
                await self._deliver(one, delivery, copy)
                self.ledger.duplicates += 1

    async def _deliver(self, one: Conversation, delivery: Delivery, copy: int) -> None:
        match one.channel:
            case Channel.CHAT | Channel.EMAIL:
                await self._publisher.publish(one.message(delivery, copy, CLOCK.now()))
            case Channel.HTTP:
                await self._cases.post(delivery)
            case Channel.SMTP:
                await self._mails.send(delivery)
        delivery.was_acknowledged = True
