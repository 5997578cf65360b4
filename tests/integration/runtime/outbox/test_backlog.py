"""What waits in the outbox of a real database, as series."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta

import pytest
from prometheus_client import CollectorRegistry

from pledge.runtime.clock import SystemClock
from pledge.runtime.observability.metrics import RuntimeMetrics
from pledge.runtime.outbox.backlog import watch_outbox
from pledge.runtime.outbox.writer import Outbox
from pledge.runtime.postgres.pool import open_pool
from pledge.runtime.records import Message
from support.databases import Databases


async def test_waiting_rows_are_counted_and_the_oldest_timed(database: Databases) -> None:
    registry = CollectorRegistry()
    clock = SystemClock()
    pool = await open_pool(database("runtime"), application_name="test", size=2)
    outbox = Outbox(pool)
    async with outbox.transaction() as transaction:
        transaction.publish(*(Message("t", b"k", b"v", ()) for _ in range(3)))
    watching = asyncio.ensure_future(watch_outbox(RuntimeMetrics(registry, "sla"), pool, clock))
    labels = {"service": "sla"}
    async with asyncio.timeout(30):
        while registry.get_sample_value("pledge_outbox_rows", labels) != 3:
            await clock.sleep(timedelta(milliseconds=10))
    assert registry.get_sample_value("pledge_outbox_oldest_seconds", labels) == pytest.approx(
        0, abs=60
    )
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    await pool.close()
