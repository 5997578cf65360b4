"""When the timers of a partition fire: not before it has been read, and not never."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest
from aiokafka.errors import KafkaConnectionError
from prometheus_client import CollectorRegistry

from integration.sla.acme import write_acme
from integration.sla.stories import MONDAY, Story, minutes
from pledge.runtime.outbox.writer import Outbox, OutboxTransaction
from pledge.runtime.postgres.pool import open_pool
from pledge.runtime.records import Message, Partition, Record
from pledge.runtime.testing import VirtualClock
from sla.assessment.context import AssessmentContext
from sla.assessment.policy_registry import load_policies
from sla.consumer import FactHandler
from sla.metrics import SlaMetrics
from sla.settings import SlaSettings
from sla.storage.ticket_cache import TicketCache
from sla.timers.worker import TimerWorkers
from support.clocks import SteppedClock
from support.databases import Databases
from support.waiting import eventually

HOME = Partition("ticket.events.v1", 0)
RESPONSE = "first_response"


class Owner:
    """Owns the partition; the test says how far it was read and whether the broker answers."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.is_read = True
        self.end = self.applied = 1
        self.is_broker_away = False
        self.is_database_away = False
        self.turned_away = 0
        self.asked = 0
        self.lock = asyncio.Lock()

    @asynccontextmanager
    async def owned_transaction(self, partition: Partition) -> AsyncIterator[OutboxTransaction]:
        if self.is_database_away:
            self.turned_away += 1
            raise ConnectionResetError
        async with self.lock, self._outbox.transaction() as transaction:
            yield transaction

    async def ends(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        self.asked += 1
        if self.is_broker_away:
            raise KafkaConnectionError
        return dict.fromkeys(partitions, self.end)

    def owned(self) -> frozenset[Partition]:
        return frozenset({HOME})

    async def caught_up(self, partitions: Iterable[Partition]) -> frozenset[Partition]:
        raise NotImplementedError("nothing here is re-assessed")

    def position(self, partition: Partition) -> int:
        self.asked += 1
        return self.applied if self.is_read else 0


class Desk:
    """Facts and timers of one partition on a real database, without a bus."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        folder: Path,
        clock: VirtualClock | SteppedClock,
        fire_batch: int = 100,
    ) -> None:
        desks = write_acme(folder)
        settings = SlaSettings(
            dsn="postgresql://unused", jwks="unused", desks=desks, fire_batch=fire_batch
        )
        self.pool, self.clock = pool, clock
        self.owner = Owner(Outbox(pool))
        metrics = SlaMetrics(CollectorRegistry())
        context = AssessmentContext(
            settings, load_policies(desks), TicketCache(100), clock, metrics
        )
        self.timers = TimerWorkers(context, pool)
        self.timers.serve(self.owner)
        self.handler = FactHandler(
            context,
            on_assigned=self.timers.assigned,
            on_revoked=self.timers.revoked,
            on_applied=self.timers.applied,
        )
        self._offset = 0

    async def take(self, story: Story) -> None:
        """Apply the story's events as one batch."""
        await self.take_batch(story.messages)

    async def take_batch(self, messages: Sequence[Message]) -> None:
        """Apply events as one batch."""
        records = []
        for message in messages:
            records.append(
                Record(
                    HOME.topic, 0, self._offset, message.key, message.value, message.headers, MONDAY
                )
            )
            self._offset += 1
        async with self.owner.owned_transaction(HOME) as transaction:
            outcome = await self.handler.handle(transaction.connection, HOME, records)
            transaction.publish(*outcome.messages)
        for callback in outcome.after_commit:
            callback()

    async def breaches(self) -> list[asyncpg.Record]:
        rows: list[asyncpg.Record] = await self.pool.fetch("SELECT * FROM breaches ORDER BY due_at")
        return rows

    async def asked_again(self) -> None:
        """Wait until the worker has asked or looked once more."""
        seen = self.owner.asked

        async def has_asked() -> bool:
            return self.owner.asked > seen

        await eventually(has_asked)


@asynccontextmanager
async def running(
    database: Databases, folder: Path, clock: VirtualClock | SteppedClock, *, fire_batch: int = 250
) -> AsyncIterator[Desk]:
    pool = await open_pool(database("sla"), application_name="test", size=4)
    made = Desk(pool, folder, clock, fire_batch)
    await made.handler.assigned(frozenset([HOME]))
    timers = asyncio.create_task(made.timers.run())
    try:
        yield made
    finally:
        timers.cancel()
        with suppress(asyncio.CancelledError):
            await timers
        await pool.close()


@pytest.fixture
async def desk(database: Databases, tmp_path: Path) -> AsyncIterator[Desk]:
    async with running(database, tmp_path, VirtualClock(MONDAY)) as made:
        yield made


async def has_breached(desk: Desk) -> bool:
    return bool(await desk.breaches())


async def test_due_timer_waits_while_facts_are_unread(desk: Desk) -> None:
    story = Story().opened()
    await desk.take(story)
    desk.owner.is_read = False
    waiting = asyncio.create_task(desk.asked_again())
    desk.clock.advance_to(MONDAY + minutes(30))
    await waiting
    assert await desk.breaches() == []

    late = Story().opened().attempted(10)
    late.messages = late.messages[1:]
    desk.owner.is_read = True
    await desk.take(late)
    desk.clock.advance_to(MONDAY + minutes(40))
    rows = await desk.pool.fetch("SELECT state FROM timers WHERE metric = 'first_response'")
    assert [row["state"] for row in rows] == ["met"]
    assert await desk.breaches() == []


async def test_what_comes_due_while_a_turn_is_awaited_is_asked_for_anew(desk: Desk) -> None:
    """Up to the warning at 24 minutes all was read; by the due instant at 30 it was not."""
    await desk.take(Story().opened())
    async with desk.owner.lock:
        waiting = asyncio.create_task(desk.asked_again())
        desk.clock.advance_to(MONDAY + minutes(24))
        await waiting
        desk.owner.is_read = False
        desk.clock.advance_to(MONDAY + minutes(31))
    await desk.asked_again()
    assert await desk.breaches() == []
    assert await desk.pool.fetchval("SELECT at_risk_sent FROM timers WHERE metric = $1", RESPONSE)

    late = Story().opened().attempted(29)
    late.messages = late.messages[1:]
    await desk.take(late)
    desk.owner.is_read = True
    await desk.asked_again()
    assert await desk.breaches() == []


async def test_facts_that_keep_coming_hold_up_nothing_that_was_due_before_them(desk: Desk) -> None:
    """What matters is the end that the partition had after the due instant, not its last one."""
    await desk.take(Story().opened())
    desk.owner.end, desk.owner.applied = 10, 8
    waiting = asyncio.create_task(desk.asked_again())
    desk.clock.advance_to(MONDAY + minutes(30))
    await waiting
    desk.owner.end, desk.owner.applied = 20, 10
    desk.timers.applied(HOME, [])
    await eventually(lambda: has_breached(desk))
    (breach,) = await desk.breaches()
    assert not breach["is_provisional"]


async def test_lag_that_lasts_makes_the_breach_provisional(desk: Desk) -> None:
    await desk.take(Story().opened())
    desk.owner.is_read = False
    waiting = asyncio.create_task(desk.asked_again())
    desk.clock.advance_to(MONDAY + minutes(30))
    await waiting
    desk.clock.advance_to(MONDAY + minutes(33))
    await eventually(lambda: has_breached(desk))
    (breach,) = await desk.breaches()
    assert breach["is_provisional"]
    assert breach["is_late"]
    assert breach["due_at"] == MONDAY + minutes(30)


async def test_absence_of_the_broker_is_no_lag(desk: Desk) -> None:
    """Nothing could be published meanwhile; the bound counts once it answers again."""
    await desk.take(Story().opened())
    desk.owner.is_broker_away = True
    for passed in (30, 40, 50):
        waiting = asyncio.create_task(desk.asked_again())
        desk.clock.advance_to(MONDAY + minutes(passed))
        await waiting
    assert await desk.breaches() == []
    desk.owner.is_broker_away = False
    desk.clock.advance_to(MONDAY + minutes(51))
    await eventually(lambda: has_breached(desk))
    (breach,) = await desk.breaches()
    assert not breach["is_provisional"]


async def test_absence_of_the_database_sets_nothing_aside(desk: Desk) -> None:
    """What passes is waited for, however often it fails."""
    await desk.take(Story().opened())
    desk.owner.is_database_away = True
    desk.clock.advance_to(MONDAY + minutes(31))

    async def has_tried_again() -> bool:
        return desk.owner.turned_away > 1

    await eventually(has_tried_again)
    desk.owner.is_database_away = False
    await eventually(lambda: has_breached(desk))
    assert await desk.pool.fetchval("SELECT count(*) FROM quarantine") == 0


async def test_timers_end_with_the_ownership_of_their_partition(desk: Desk) -> None:
    await desk.take(Story().opened())
    await desk.handler.revoked(frozenset([HOME]))
    desk.clock.advance_to(MONDAY + minutes(60))
    await asyncio.sleep(0.2)  # noqa: TID251 - time in which a wrong one would fire
    assert await desk.breaches() == []
    await desk.handler.assigned(frozenset([HOME]))
    await eventually(lambda: has_breached(desk))


async def test_what_is_far_away_is_fired_too(desk: Desk) -> None:
    """The resolution is due in hours, far outside the window kept in memory."""
    await desk.take(Story().opened().attempted(1))
    for hour in range(1, 5):
        for quarter in range(4):
            desk.clock.advance_to(MONDAY + minutes(60 * (hour - 1) + 15 * (quarter + 1)))
            await asyncio.sleep(0.02)  # noqa: TID251 - lets the loop refill its window
    await eventually(lambda: has_breached(desk))
    (breach,) = await desk.breaches()
    assert (breach["metric"], breach["due_at"]) == ("resolution", MONDAY + minutes(240))


async def test_oldest_overdue_timers_come_first(desk: Desk) -> None:
    stories = [Story(number).opened(number) for number in range(20)]
    await desk.handler.revoked(frozenset([HOME]))
    for story in reversed(stories):
        await desk.take(story)
    desk.clock.advance_to(MONDAY + minutes(120))
    await desk.handler.assigned(frozenset([HOME]))

    async def all_fired() -> bool:
        return len(await desk.breaches()) == 20

    await eventually(all_fired)
    rows = await desk.pool.fetch(
        "SELECT key FROM outbox WHERE topic = 'sla.breaches.v1' ORDER BY id"
    )
    assert [row["key"].decode() for row in rows] == [str(each.ticket_id) for each in stories]


async def test_overdue_timers_come_a_batch_at_a_time_and_are_marked_late(
    database: Databases, tmp_path: Path
) -> None:
    """Paced: at most a batch of them in one transaction, which all others can come between."""
    count, batch = 30, 7
    async with running(database, tmp_path, VirtualClock(MONDAY), fire_batch=batch) as desk:
        for number in range(count):
            await desk.take(Story(number).opened())
        await desk.handler.revoked(frozenset([HOME]))
        desk.clock.advance_to(MONDAY + minutes(120))
        await desk.handler.assigned(frozenset([HOME]))

        async def all_fired() -> bool:
            return len(await desk.breaches()) == count

        await eventually(all_fired)
        assert all(row["is_late"] for row in await desk.breaches())
        rows = await desk.pool.fetch("SELECT count(*) FROM breaches GROUP BY xmin::text")
        assert sum(row["count"] for row in rows) == count
        assert max(row["count"] for row in rows) <= batch


async def test_clock_set_ahead_breaks_what_it_jumps_over_once_and_late(
    database: Databases, tmp_path: Path
) -> None:
    clock = SteppedClock(MONDAY)
    async with running(database, tmp_path, clock) as desk:
        await desk.take(Story().opened())
        clock.step(minutes(45))
        clock.advance_to(clock.now() + minutes(1))
        await eventually(lambda: has_breached(desk))
        (breach,) = await desk.breaches()
        assert breach["due_at"] == MONDAY + minutes(30)
        assert breach["is_late"]


async def test_clock_set_back_breaks_nothing_early_and_nothing_twice(
    database: Databases, tmp_path: Path
) -> None:
    """The promise goes by the instants that the clock reads: set back, there is time again."""
    clock = SteppedClock(MONDAY)
    async with running(database, tmp_path, clock) as desk:
        first, second = Story(1).opened(), Story(2).opened(10)
        await desk.take(first)
        await desk.take(second)
        clock.advance_to(MONDAY + minutes(31))
        await eventually(lambda: has_breached(desk))
        clock.step(-minutes(20))
        clock.advance_to(MONDAY + minutes(39))
        await asyncio.sleep(0.1)  # noqa: TID251 - time in which a wrong one would fire
        assert [row["ticket_id"] for row in await desk.breaches()] == [first.ticket_id]
        clock.advance_to(MONDAY + minutes(40))

        async def both() -> bool:
            return len(await desk.breaches()) == 2

        await eventually(both)
        assert [row["due_at"] for row in await desk.breaches()] == [
            MONDAY + minutes(30),
            MONDAY + minutes(40),
        ]
