"""The hot statements use their indexes, and claims are exclusive and fair."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from integration.notify.harness import CLOCK, IDS
from notify.delivery import worker_lock
from notify.delivery.worker_lock import WorkerLock
from notify.metrics import NotifyMetrics
from notify.storage import deliveries
from notify.storage.deliveries import Attempted, Claim
from notify.storage.rows import About, Draft
from pledge.events import Envelope
from pledge.runtime.postgres.pool import connect, open_pool
from pledge.runtime.testing import SeededIds
from support.databases import Databases

NOW = CLOCK.now()
LEASE = timedelta(minutes=1)
CAUSE = Envelope("1", "/test", "t", NOW, "s", "demo", 1, "1", None, None)


@pytest.fixture
async def dsn(database: Databases) -> str:
    return database("notify")


@pytest.fixture
async def pool(dsn: str) -> AsyncIterator[asyncpg.Pool]:
    found = await open_pool(dsn, application_name="test", size=8)
    yield found
    await found.close()


def a_draft(lane: str = "demo/email", target: str = "a@b.example") -> Draft:
    return Draft(
        IDS.new(), "demo", lane, "email", "email", target, About(), {"message_id": "<1@x>"}, {},
        CAUSE,
    )  # fmt: skip


async def insert(
    pool: asyncpg.Pool,
    *drafts: Draft,
    at: datetime = NOW,
    attempts: int = 0,
    worker: int | None = None,
) -> None:
    rows = [deliveries.delivery_row(each, Claim(at, attempts, worker), NOW) for each in drafts]
    async with pool.acquire() as connection:
        await deliveries.insert_deliveries(connection, rows)


async def claim(pool: asyncpg.Pool, now: datetime = NOW, **room: int) -> list[UUID]:
    lanes = {lane.replace("__", "/"): number for lane, number in room.items()}
    found = await deliveries.claim_deliveries(
        pool, lanes, now=now, lease_until=now + LEASE, worker=None
    )
    return [each.id for each in found]


async def test_two_workers_never_claim_the_same(pool: asyncpg.Pool) -> None:
    await insert(pool, *[a_draft() for _ in range(200)])

    claims = await asyncio.gather(*[claim(pool, demo__email=40) for _ in range(5)])

    claimed = [each for one in claims for each in one]
    assert len(claimed) == len(set(claimed))
    assert await claim(pool, demo__email=500) is not None
    assert await claim(pool, demo__email=500) == []


async def test_a_lease_that_ended_is_claimed_again(pool: asyncpg.Pool) -> None:
    await insert(pool, a_draft())
    first = await claim(pool, demo__email=1)

    assert await claim(pool, demo__email=1) == []
    assert await claim(pool, NOW + LEASE, demo__email=1) == first


async def test_each_lane_gets_its_room_whatever_waits_in_others(pool: asyncpg.Pool) -> None:
    await insert(pool, *[a_draft("loud/email") for _ in range(50)], at=NOW - timedelta(hours=1))
    quiet = a_draft("quiet/email")
    await insert(pool, quiet)

    claimed = await claim(pool, loud__email=5, quiet__email=5)

    assert len(claimed) == 6
    assert quiet.id in claimed
    due = await deliveries.lanes_due(pool, NOW + timedelta(seconds=1), 10)
    assert {lane for _, lane in due} == {"loud/email"}


async def test_a_late_failure_does_not_undo_what_another_worker_did(pool: asyncpg.Pool) -> None:
    draft = a_draft()
    await insert(pool, draft)
    await claim(pool, demo__email=1)
    await claim(pool, NOW + LEASE, demo__email=1)

    stale = Attempted(draft.id, 1, NOW + LEASE, "failed", None, "timeout", "", NOW)
    done = Attempted(draft.id, 2, NOW + 2 * LEASE, "delivered", None, None, "250", NOW)
    async with pool.acquire() as connection:
        assert await deliveries.record_attempts(connection, [stale]) == {}
        assert set(await deliveries.record_attempts(connection, [done])) == {draft.id}
        assert await deliveries.record_attempts(connection, [done]) == {}


async def test_a_failure_that_was_written_down_is_not_told_again(pool: asyncpg.Pool) -> None:
    """The answer to the commit was lost, or a stop came before it was noted."""
    draft = a_draft()
    await insert(pool, draft)
    await claim(pool, demo__email=1)
    later = NOW + timedelta(seconds=5)
    tried = Attempted(draft.id, 1, NOW + LEASE, "pending", later, "timeout", "", None)
    async with pool.acquire() as connection:
        assert set(await deliveries.record_attempts(connection, [tried])) == {draft.id}
        assert await deliveries.record_attempts(connection, [tried]) == {}


async def test_deliveries_of_a_dead_worker_are_released_and_those_of_a_live_one_are_not(
    dsn: str, pool: asyncpg.Pool
) -> None:
    def a_worker_lock() -> WorkerLock:
        metrics = NotifyMetrics(CollectorRegistry())
        return WorkerLock(dsn, pool, clock=CLOCK, ids=IDS, metrics=metrics)

    live, dead = a_worker_lock(), a_worker_lock()
    await live.acquire()
    await dead.acquire()
    held, lost = a_draft(), a_draft()
    await insert(pool, held, at=NOW + timedelta(days=1), attempts=1, worker=live.worker)
    await insert(pool, lost, at=NOW + timedelta(days=1), attempts=1, worker=dead.worker)
    assert await live.release_abandoned() == 0

    await dead.release()
    third = a_worker_lock()
    await third.acquire()

    assert await third.release_abandoned() == 1
    assert await claim(pool, CLOCK.now(), demo__email=10) == [lost.id]
    await live.release()
    await third.release()


async def test_worker_has_no_number_until_it_holds_the_lock(
    dsn: str, pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it claimed in the name of that number, others would release and send once more."""
    metrics = NotifyMetrics(CollectorRegistry())
    lock = WorkerLock(dsn, pool, clock=CLOCK, ids=SeededIds(CLOCK, 5), metrics=metrics)
    taken = SeededIds(CLOCK, 5).new().int & 0x7FFF_FFFF
    impatient = partial(connect, server_settings={"lock_timeout": "200ms"})
    monkeypatch.setattr(worker_lock, "connect", impatient)
    async with pool.acquire() as other:
        await other.execute("SELECT pg_advisory_lock($1, $2)", worker_lock.LOCK_SPACE, taken)
        acquiring = asyncio.ensure_future(lock.acquire())
        seen = set()
        while not acquiring.done():
            seen.add(lock.worker)
            await asyncio.sleep(0.01)  # noqa: TID251 - the database's time-out is what is awaited
        with pytest.raises(asyncpg.LockNotAvailableError):
            acquiring.result()
        assert {*seen, lock.worker} == {None}
        await other.execute("SELECT pg_advisory_unlock_all()")
    await lock.acquire()
    assert lock.worker is not None
    await lock.release()


async def plan(connection: asyncpg.Connection, sql: str, *values: Any) -> str:
    rows = await connection.fetch(f"EXPLAIN {sql}", *values)
    return "\n".join(row[0] for row in rows)


async def test_hot_statements_read_by_index(
    dsn: str, pool: asyncpg.Pool, database: Databases
) -> None:
    owner = await asyncpg.connect(database.owner(dsn))
    try:
        await owner.execute("""
            INSERT INTO deliveries (id, desk, lane, channel, kind, target, about, content, context,
                cause, is_automatic, state, next_attempt_at, attempts, created_at)
            SELECT gen_random_uuid(), 'demo', 'lane-' || n % 20, 'email', 'email',
                'to-' || n % 5000, '{}', '{}', '{}', '{}', true,
                CASE WHEN n % 50 = 0 THEN 'pending' ELSE 'delivered' END,
                CASE WHEN n % 50 = 0 THEN now() END, 1, now()
            FROM generate_series(1, 50000) AS n
        """)
        await owner.execute("ANALYZE deliveries")
    finally:
        await owner.close()
    async with pool.acquire() as connection:
        due = await plan(connection, deliveries._LANES_DUE, NOW, 10)
        claims = await plan(connection, deliveries._CLAIM, ["lane-0"], [5], NOW, NOW, None)
        lately = await plan(connection, deliveries._MAILED_LATELY, ["to-1"], NOW, "demo")
    assert "Seq Scan on deliveries" not in due + claims + lately
