"""What is sent once although the database stands still, and looked at in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from integration.notify.harness import IDS
from notify.delivery.dispatcher import Dispatcher
from notify.delivery.worker_lock import WorkerLock
from notify.domain.delivery import Delivered, Delivery, Outcome, Reason, Retry
from notify.metrics import NotifyMetrics
from notify.storage import deliveries
from notify.storage.rows import About, Draft
from pledge.events import Envelope
from pledge.runtime.backoff import RetryPolicy
from pledge.runtime.outbox.writer import Outbox, OutboxTransaction
from pledge.runtime.postgres.pool import open_pool
from pledge.runtime.testing import VirtualClock
from support.databases import Databases
from support.waiting import eventually

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
CAUSE = Envelope("1", "/test", "t", START, "s", "demo", 1, "1", None, None)
SECOND = timedelta(seconds=1)


class StubbornOutbox(Outbox):
    """Takes nothing while `is_away`: the database is out of reach for what is to be recorded."""

    is_away = False

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[OutboxTransaction]:
        if self.is_away:
            raise ConnectionResetError("as the test demands")
        async with super().transaction() as transaction:
            yield transaction


class Receiver:
    """A channel that keeps what it was sent, and answers what the test says."""

    def __init__(self) -> None:
        self.sent: list[Delivery] = []
        self.answers: list[Outcome] = []

    async def send(self, delivery: Delivery) -> Outcome:
        self.sent.append(delivery)
        return self.answers.pop(0) if self.answers else Delivered()

    async def close(self) -> None:
        """Nothing is open."""


class Desk:
    """A dispatcher at work on a real database, under a virtual clock."""

    def __init__(self, dsn: str, pool: asyncpg.Pool) -> None:
        self.pool, self.clock = pool, VirtualClock(START)
        self.outbox, self.receiver = StubbornOutbox(pool), Receiver()
        metrics = NotifyMetrics(CollectorRegistry())
        self.dispatcher = Dispatcher(
            pool,
            self.outbox,
            {"email": self.receiver},
            worker_lock=WorkerLock(dsn, pool, clock=self.clock, ids=IDS, metrics=metrics),
            retry=RetryPolicy(timedelta(seconds=1), timedelta(minutes=10), 20, timedelta(hours=24)),
            clock=self.clock,
            ids=IDS,
            metrics=metrics,
        )

    async def decide(self) -> Draft:
        """A new mail, as the consumer passes it on."""
        now = self.clock.now()
        content = {"message_id": "<1@x>"}
        draft = Draft(
            IDS.new(), "demo", "demo/email", "email", "email", "a@b.example", About(), content,
            {"mail": "acknowledgement"}, CAUSE,
        )  # fmt: skip
        claims = self.dispatcher.claim_new([draft], now)
        async with self.pool.acquire() as connection:
            rows = [deliveries.delivery_row(draft, claims[0], now)]
            await deliveries.insert_deliveries(connection, rows)
        self.dispatcher.accept_committed([draft], claims, now)
        return draft

    async def pass_by(self, seconds: int) -> None:
        """Let time pass second by second, with some of the real one for the unit."""
        for _ in range(seconds):
            self.clock.advance_to(self.clock.now() + SECOND)
            await asyncio.sleep(0.01)  # noqa: TID251 - lets the loop look at its database


@pytest.fixture
async def desk(database: Databases) -> AsyncIterator[Desk]:
    dsn = database("notify")
    pool = await open_pool(dsn, application_name="test", size=4)
    made = Desk(dsn, pool)
    running = asyncio.create_task(made.dispatcher.run())
    try:
        yield made
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        await pool.close()


async def test_what_was_sent_is_not_sent_again_after_an_outage_longer_than_its_lease(
    desk: Desk,
) -> None:
    desk.outbox.is_away = True
    draft = await desk.decide()
    await desk.pass_by(90)
    desk.outbox.is_away = False

    async def is_recorded() -> bool:
        state = await desk.pool.fetchval("SELECT state FROM deliveries WHERE id = $1", draft.id)
        return bool(state == "delivered")

    await eventually(is_recorded)
    await desk.pass_by(5)
    assert [each.id for each in desk.receiver.sent] == [draft.id]


async def test_an_appointment_whose_delivery_was_cancelled_delays_no_other(desk: Desk) -> None:
    """The receiver requested a minute; meanwhile the mail was cancelled, and another one fails."""
    wait = Retry(Reason.TOO_MANY_REQUESTS, not_before=timedelta(minutes=1))
    desk.receiver.answers = [wait, Retry(Reason.RECEIVER_ERROR, not_before=SECOND)]
    first = await desk.decide()
    await desk.pass_by(1)
    await desk.pool.execute(
        "UPDATE deliveries SET state = 'cancelled', next_attempt_at = NULL WHERE id = $1", first.id
    )
    await desk.pass_by(64)
    second = await desk.decide()

    async def is_to_be_retried() -> bool:
        query = "SELECT claimed_by IS NULL AND reason IS NOT NULL FROM deliveries WHERE id = $1"
        return bool(await desk.pool.fetchval(query, second.id))

    async def is_sent_again() -> bool:
        return len(desk.receiver.sent) == 3

    await eventually(is_to_be_retried)
    await desk.pass_by(2)
    # Time stands still from here on: what waits for a later appointment never comes.
    await eventually(is_sent_again, within=timedelta(seconds=10))
