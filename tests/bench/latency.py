"""How long after the instant promised a breach is published, and somebody is paged."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from bench import load
from bench.arrivals import percentile, reading, until
from bench.receiver import listening
from bench.report import Row, latency
from bench.rig import CLOCK, PARTITIONS, PROGRESS_EVERY, Rig, agree, counts
from bench.say import say
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.ids import SystemIds
from support import topics

# The bench desk's first response to a p1 is due within this.
WITHIN = timedelta(seconds=30)
# p3 tickets have two timers, p1 tickets one: together 10,000 are armed.
AHEAD = 4_750
DUE = 500
SPREAD = timedelta(seconds=20)
# From the plan until the first is due: a floor must be up by then, a service have read it.
LEAD = timedelta(seconds=5)
# A fraction that never falls into step with anything.
GOLDEN = 0.618034
TOPICS_OF = {"sla": 2, "notify": 4}
IDS = SystemIds(CLOCK)

Promise = tuple[UUID, str, datetime]


async def breach(rig: Rig) -> list[Row]:
    """Due to the event as an independent consumer has it, just after its acknowledgement."""
    floor, floor_counts = await _breaches(rig, is_floor=True)
    value, value_counts = await _breaches(rig, is_floor=False)
    agree(floor_counts, value_counts)
    return _rows("breach", value, floor, p50=10, p99=50)


async def page(rig: Rig) -> list[Row]:
    """Due to the page as the receiver has accepted it."""
    floor, floor_counts = await _pages(rig, is_floor=True)
    value, value_counts = await _pages(rig, is_floor=False)
    agree(floor_counts, value_counts)
    return _rows("page", value, floor, p50=40, p99=100)


def _rows(
    name: str, value: Sequence[float], floor: Sequence[float], *, p50: float, p99: float
) -> list[Row]:
    return [
        latency(f"{name}_{part}", percentile(value, at), percentile(floor, at), at_most=most)
        for part, at, most in (("p50", 0.50, p50), ("p99", 0.99, p99))
    ]


async def _breaches(rig: Rig, *, is_floor: bool) -> tuple[list[float], dict[str, int]]:
    kafka = await rig.kafka()
    databases = {"sla": await rig.database("sla")}
    programs = ("bench.floor_breach",) if is_floor else ("sla",)
    async with reading(kafka, "sla.breaches.v1") as arrived:
        promises = await _run(rig, kafka, databases, programs, {}, arrived)
    dsn = rig.server.dsn(databases["sla"], "sla")
    counted = await counts(kafka, dsn, ("breaches",), "sla.breaches.v1")
    return _measured("breach", programs, arrived, promises), counted


async def _pages(rig: Rig, *, is_floor: bool) -> tuple[list[float], dict[str, int]]:
    kafka = await rig.kafka()
    databases = {service: await rig.database(service) for service in ("sla", "notify")}
    programs = ("bench.floor_page", "bench.floor_breach") if is_floor else ("sla", "notify")
    async with listening() as pager:
        settings = {
            "BENCH_PAGER": pager.url,
            "PLEDGE_NOTIFY_VARIABLES": json.dumps({"RECEIVER_PAGER": pager.url}),
            "PLEDGE_NOTIFY_REACHABLE_HOSTS": '["127.0.0.1"]',
        }
        promises = await _run(rig, kafka, databases, programs, settings, pager.accepted)
    dsn = rig.server.dsn(databases["notify"], "notify")
    counted = await counts(kafka, dsn, ("pages", "deliveries"), "notify.events.v1")
    return _measured("page", programs, pager.accepted, promises), counted


async def _run(
    rig: Rig,
    kafka: KafkaSettings,
    databases: Mapping[str, str],
    programs: Sequence[str],
    settings: Mapping[str, str],
    arrived: Sequence[object],
) -> list[Promise]:
    """Let the programs break the promises; returns these once everything has arrived."""
    plan = rig.folder / "plan.json"
    environment = {**rig.environment(kafka, databases), **settings, "BENCH_PLAN": str(plan)}
    is_floor = programs[0].startswith("bench.")
    promises = _promises()
    with ExitStack() as stack:
        if is_floor:
            plan.write_text(
                json.dumps([(str(own), no, at.isoformat()) for own, no, at in promises])
            )
        children = [stack.enter_context(rig.process(name, environment)) for name in programs]
        if not is_floor:
            for service, name in databases.items():
                await _owned(rig, service, name, PARTITIONS * TOPICS_OF[service])
            promises = await _arm(rig, kafka, databases["sla"])
        await until(lambda: len(arrived) >= DUE, children)
        for service, name in databases.items():
            await _published(rig.server.dsn(name, service))
    return promises


def _promises() -> list[Promise]:
    """What falls due, from LEAD on, spread evenly but never in step."""
    first = CLOCK.now() + LEAD
    step = SPREAD / DUE
    return [
        (IDS.new(), f"DUE-{10_001 + n}", first + n * step + (n * GOLDEN % 1) * step)
        for n in range(DUE)
    ]


async def _arm(rig: Rig, kafka: KafkaSettings, database: str) -> list[Promise]:
    """Open the tickets: the many whose time is far ahead, then those that fall due."""
    now = CLOCK.now()
    ahead = [load.opened(IDS.new(), f"BEN-{10_001 + n}", now, "p3") for n in range(AHEAD)]
    await topics.publish(kafka, [load.message(event, IDS, 1, "/intake") for event in ahead])
    connection = await asyncpg.connect(rig.server.dsn(database, "sla"))
    try:
        while await connection.fetchval("SELECT count(*) FROM tickets") < AHEAD:
            await CLOCK.sleep(PROGRESS_EVERY)
    finally:
        await connection.close()
    promises = _promises()
    due = [load.opened(own, number, at - WITHIN, "p1") for own, number, at in promises]
    await topics.publish(kafka, [load.message(event, IDS, 1, "/intake") for event in due])
    return promises


async def _owned(rig: Rig, service: str, database: str, partitions: int) -> None:
    """Wait until the service has taken its partitions."""
    connection = await asyncpg.connect(rig.server.dsn(database, service))
    try:
        while await connection.fetchval("SELECT count(*) FROM consumed") < partitions:
            await CLOCK.sleep(PROGRESS_EVERY)
    finally:
        await connection.close()


async def _published(dsn: str) -> None:
    """Wait until the outbox is empty."""
    connection = await asyncpg.connect(dsn)
    try:
        while await connection.fetchval("SELECT EXISTS (SELECT FROM outbox)"):
            await CLOCK.sleep(PROGRESS_EVERY)
    finally:
        await connection.close()


def _measured(
    name: str,
    programs: Sequence[str],
    arrived: Sequence[tuple[datetime, bytes]],
    promises: Sequence[Promise],
) -> list[float]:
    """Milliseconds from due to arrival, of each promise once. Raises RuntimeError otherwise."""
    took: dict[datetime, float] = {}
    for at, value in arrived:
        due = datetime.fromisoformat(json.loads(value)["due_at"])
        took.setdefault(_key(due), (at - due) / timedelta(milliseconds=1))
    wanted = {_key(due) for _, _, due in promises}
    if took.keys() != wanted or len(arrived) != len(promises):
        raise RuntimeError(
            f"{name}: {len(arrived)} arrived, {len(wanted - took.keys())} of {len(wanted)} did not"
        )
    values = list(took.values())
    parts = ", ".join(f"p{at:g} {percentile(values, at / 100):.1f}" for at in (50, 90, 99, 100))
    say(f"{' + '.join(programs)}: {parts} ms")
    return values


def _key(due: datetime) -> datetime:
    """The instant as a page says it, to the millisecond."""
    return due.replace(microsecond=due.microsecond // 1000 * 1000)
