"""A hundred thousand open tickets are put under another policy version, beside live traffic."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaProducer

from bench import arming, load
from bench.arming import MANY, Kind
from bench.arrivals import Arrival, delays, reading, until
from bench.report import Row, rate, slowdown
from bench.rig import CLOCK, PROGRESS_EVERY, Rig, ready
from bench.say import say
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.ids import SystemIds
from sla.desk_file.read import load as load_policy
from sla.storage import reassessment_orders

TIMERS = "sla.events.v1"
TICKETS = 100_000
# Tickets are opened all the time, one in every step: before the order and while it is carried out.
STEP = timedelta(milliseconds=20)
ALONE = timedelta(seconds=8)
SHARE, TIMES = 0.5, 1.5
IDS = SystemIds(CLOCK)


async def reassess(rig: Rig) -> list[Row]:
    """How fast it goes, and how late others are published meanwhile."""
    floor = await _floor(rig)
    kafka, name = await rig.kafka(), await rig.database("sla")
    await _seed(rig, name)
    environment = {
        **rig.environment(kafka, {"sla": name}),
        "PLEDGE_DESKS": str(_desks(rig.folder)),
    }
    async with reading(kafka, TIMERS) as arrived:
        with rig.process("sla", environment) as child:
            await ready(child, environment["PLEDGE_SLA_HTTP_PORT"])
            traffic = Traffic(kafka)
            opening = asyncio.create_task(traffic.run())
            await CLOCK.sleep(ALONE)
            ordered_at = CLOCK.now()
            spent = {**rig.seconds(), "itself": child.seconds()}
            await _order(rig, name)
            await until(lambda: len(arrived) >= TICKETS + len(traffic.opened), [child])
            await _finished(rig, name)
            now = {**rig.seconds(), "itself": child.seconds()}
            opening.cancel()
            with suppress(asyncio.CancelledError):
                await opening
            await until(lambda: len(arrived) >= TICKETS + len(traffic.opened), [child])
    parts = ", ".join(f"{each} {(now[each] - spent[each]) / TICKETS * 1e6:.0f}" for each in now)
    say(f"sla: µs of processor a ticket, live traffic included: {parts}")
    moved = [at for at, value in arrived if b'"pledge.timer.rescheduled.v1"' in value]
    return [
        rate("reassess_rate", _rate("sla", moved), floor, share=SHARE, unit="tickets/s"),
        _live(traffic.opened, arrived, ordered_at, moved[-1]),
    ]


async def _floor(rig: Rig) -> float:
    kafka, name = await rig.kafka(), await rig.database("sla")
    await _seed(rig, name)
    async with reading(kafka, TIMERS) as arrived:
        with rig.process("bench.floor_reassess", rig.environment(kafka, {"sla": name})) as child:
            await until(lambda: len(arrived) >= TICKETS, [child])
    await rig.drop(name)
    return _rate("bench.floor_reassess", [at for at, _ in arrived])


def _rate(who: str, arrived: Sequence[datetime]) -> float:
    """Tickets a second, from the first one published to the last."""
    if len(arrived) != TICKETS:
        raise RuntimeError(f"{who}: {len(arrived)} timers were moved, not {TICKETS}")
    rate = TICKETS / (arrived[-1] - arrived[0]).total_seconds()
    say(f"{who}: {rate:,.0f} tickets/s")
    return rate


def _live(
    opened: Mapping[str, datetime], arrived: Sequence[Arrival], ordered_at: datetime, end: datetime
) -> Row:
    """From the opening of a ticket until its timer is published: meanwhile, and before."""
    alone = {own: at for own, at in opened.items() if at < ordered_at}
    beside = {own: at for own, at in opened.items() if ordered_at <= at < end}
    floor, value = (delays("live tickets", arrived, each) for each in (alone, beside))
    say(f"live tickets, alone: {floor}; beside the re-assessment: {value}")
    return slowdown("reassess_live_p99", value.at(0.99), floor.at(0.99), at_most=TIMES)


class Traffic:
    """Opens tickets until cancelled."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self.opened: dict[str, datetime] = {}

    async def run(self) -> None:
        """One ticket in every step."""
        producer = AIOKafkaProducer(**self._kafka.client_options(), acks="all")
        await producer.start()
        try:
            number = 0
            while True:
                number += 1
                own, at = IDS.new(), arming.now()
                event = load.opened(own, f"LIV-{number}", at, "p3", desk=MANY)
                message = load.message(event, IDS, 1, "/intake")
                self.opened[str(own)] = at
                await producer.send(
                    self._kafka.topic(message.topic),
                    message.value,
                    key=message.key,
                    headers=list(message.headers),
                )
                await CLOCK.sleep_until(at + STEP)
        finally:
            await producer.stop()


async def _seed(rig: Rig, name: str) -> None:
    since = arming.now() - timedelta(days=5)
    kind = Kind(MANY, "p3", 1, TICKETS, since, timedelta(seconds=4), is_warned=False)
    await arming.arm(rig, name, [kind])
    policy = arming.DESKS / MANY / "sla.yaml"
    connection = await asyncpg.connect(rig.server.dsn(name))
    try:
        await connection.execute(
            "INSERT INTO policy_versions (desk, effective_from, version, content)"
            " VALUES ($1, $2, $3, $4)",
            MANY,
            since - timedelta(days=1),
            load_policy(policy).version,
            policy.read_text(encoding="utf-8"),
        )
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


def _desks(folder: Path) -> Path:
    """The desk with a version that gives more time, to open tickets too."""
    text = (arming.DESKS / MANY / "sla.yaml").read_text(encoding="utf-8")
    path = folder / "later_desks" / MANY / "sla.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    changed = text.replace("within: 30d", "within: 40d")
    path.write_text(f"applies_to: open\n{changed}", encoding="utf-8")
    return path.parents[1]


async def _order(rig: Rig, name: str) -> None:
    version = load_policy(_desks(rig.folder) / MANY / "sla.yaml").version
    connection = await asyncpg.connect(rig.server.dsn(name, "sla"))
    try:
        started = CLOCK.monotonic()
        await reassessment_orders.create(connection, MANY, version, "bench", CLOCK.now())
        say(f"{TICKETS:,} tickets listed in {CLOCK.monotonic() - started:.2f} s")
    finally:
        await connection.close()


async def _finished(rig: Rig, name: str) -> None:
    connection = await asyncpg.connect(rig.server.dsn(name, "sla"))
    try:
        while (found := await reassessment_orders.progress(connection, MANY)) and found[
            "state"
        ] == "running":
            await CLOCK.sleep(PROGRESS_EVERY)
        if found is None or found["counts"] != {"moves": TICKETS}:
            raise RuntimeError(f"the order ended with {found}")
    finally:
        await connection.close()
