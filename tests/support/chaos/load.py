"""What comes in: tickets straight on the bus, chats, mails and forms, with doubles and disorder.

All of it is planned from the dice before it begins. Each conversation is told by a task of its own,
one event after the other as the world would, and each event is sent until it is taken: a broker or
a gateway that is away makes it late, never lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pledge.runtime.clock import SystemClock
from support.chaos.dice import Dice
from support.chaos.gateways import HttpCases, SmtpMails
from support.chaos.poison import Bad
from support.chaos.publisher import Publisher
from support.chaos.stories import (
    Channel,
    Conversation,
    Delivery,
    TicketStory,
    plan_conversation,
    plan_ticket,
)
from support.chaos.world import World

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
    """What was sent and taken: the half of the truth that the oracle gets from us."""

    tickets: list[TicketStory] = field(default_factory=list)
    conversations: list[Conversation] = field(default_factory=list)
    events: int = 0
    """Distinct ones."""
    doubles: int = 0
    """Sent again on purpose."""
    poison: list[Bad] = field(default_factory=list)


class Load:
    """The load of one trial; everything that is sent is noted in `ledger`."""

    def __init__(self, world: World, dice: Dice, size: Size, ledger: Ledger) -> None:
        self._dice = dice
        self._size = size
        self.ledger = ledger
        self._publisher = Publisher(world.kafka)
        self._cases = HttpCases(world)
        self._mails = SmtpMails(world)
        self._task: asyncio.Task[None] | None = None
        self._began: datetime = CLOCK.now()

    def begin(self) -> None:
        """Let it come in, in the background."""
        self._task = asyncio.create_task(self._run())

    async def done(self) -> None:
        """Wait until everything was taken."""
        if self._task is not None:
            await self._task

    async def plant(self, bad: Sequence[Bad]) -> None:
        """Write bad records in their order, beside the load."""
        for each in bad:
            self.ledger.poison.append(each)
            await self._publisher.publish(each.message)

    async def close(self) -> None:
        """Stop what still runs and let go of connections."""
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
        size, dice, seconds = self._size, self._dice, self._size.lasts.total_seconds()
        told: list[Coroutine[None, None, None]] = []
        for _ in range(size.tickets):
            ticket = plan_ticket(dice, self._began, seconds)
            self.ledger.tickets.append(ticket)
            told.append(self._tell_ticket(ticket))
        channels = [
            *[Channel.CHAT] * size.chats,
            *[Channel.EMAIL] * size.mails,
            *[Channel.HTTP] * size.cases,
            *[Channel.SMTP] * size.smtp,
        ]
        for channel in channels:
            one = plan_conversation(dice, channel, self._began, seconds)
            self.ledger.conversations.append(one)
            told.append(self._tell_conversation(one))
        dice.shuffle(told)
        return told

    async def _tell_ticket(self, story: TicketStory) -> None:
        for step in story.steps:
            await CLOCK.sleep_until(step.at)
            await self._publisher.publish(story.message(step, CLOCK.now()))
            self.ledger.events += 1
            for message in story.doubles(step):
                await self._publisher.publish(message)
                self.ledger.doubles += 1

    async def _tell_conversation(self, one: Conversation) -> None:
        for delivery in one.deliveries:
            await CLOCK.sleep_until(delivery.at)
            await self._deliver(one, delivery, 0)
            self.ledger.events += 1
        # Then everything that is delivered more than once, the newest first.
        for delivery in reversed(one.deliveries):
            for copy in range(1, delivery.copies + 1):
                await self._deliver(one, delivery, copy)
                self.ledger.doubles += 1

    async def _deliver(self, one: Conversation, delivery: Delivery, copy: int) -> None:
        match one.channel:
            case Channel.CHAT | Channel.EMAIL:
                await self._publisher.publish(one.message(delivery, copy, CLOCK.now()))
            case Channel.HTTP:
                await self._cases.post(delivery)
            case Channel.SMTP:
                await self._mails.send(delivery)
        delivery.was_taken = True
