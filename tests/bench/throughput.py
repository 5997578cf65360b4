"""How many events a second one process takes, beside a bare program that writes the same."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import asyncpg

from bench import load
from bench.report import Row, rate
from bench.rig import Rig, consumed
from pledge.runtime.clock import SystemClock
from pledge.runtime.ids import SystemIds
from pledge.runtime.records import Message
from pledge.runtime.settings import KafkaSettings
from support import topics

TICKETS = 8_000
REACH = 0.40
SERVICE_AND_FLOOR = ("sla", "bench.floor_sla")


async def sla_events(rig: Rig) -> list[Row]:
    """Ticket events through sla."""
    clock = SystemClock()
    ids = SystemIds(clock)
    start = clock.now() - timedelta(minutes=10)
    records = list(load.lives(TICKETS, start, ids))
    floor, floor_counts = await _one(rig, "bench.floor_sla", "sla", records)
    value, counts = await _one(rig, "sla", "sla", records)
    if counts != floor_counts:
        raise RuntimeError(f"the floor wrote {floor_counts}, the service {counts}")
    return [rate("sla_events", value, floor, share=REACH)]


async def _one(
    rig: Rig, module: str, service: str, records: list[Message]
) -> tuple[float, dict[str, int]]:
    """The rate of one program on topics and a database of its own, and what it wrote."""
    kafka = await rig.kafka()
    dsn = await rig.database(service)
    await topics.publish(kafka, records)
    with rig.process(module, rig.environment(service, kafka, dsn)):
        value = await consumed(dsn, len(records))
    return value, await _counts(kafka, dsn, ("tickets", "facts", "timers"))


async def _counts(kafka: KafkaSettings, dsn: str, tables: Iterable[str]) -> dict[str, int]:
    """Rows of the tables, and events published: the two programs must agree on them."""
    connection = await asyncpg.connect(dsn)
    try:
        counts = {
            table: await connection.fetchval(f"SELECT count(*) FROM {table}")  # a constant of ours
            for table in tables
        }
    finally:
        await connection.close()
    counts["events"] = len(await topics.read(kafka, "sla.events.v1"))
    return counts
