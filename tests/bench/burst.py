"""Ten thousand promises of one desk break in the same instant, among a million armed.

Meanwhile another desk has promises that break, and warnings that come, every few milliseconds: a
flood must hold up neither.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from bench import arming
from bench.arming import QUIET, Kind
from bench.arrivals import Arrival, Delays, delays, reading, until
from bench.report import Row, drain, slowdown
from bench.rig import CLOCK, Rig, counts, ready
from bench.say import say

BREACHES, TIMERS = "sla.breaches.v1", "sla.events.v1"
DUE = 10_000
# Of the other desk: so many breaches and as many warnings, one of each in every step.
QUIETS = 30
STEP = timedelta(milliseconds=60)
# From arming until it is due: the service must be ready and have rested by then.
LEAD = timedelta(seconds=22)
# The same small desk's promises as long before, with nothing else to do.
BEFORE = timedelta(seconds=5)
REACH = 5_000
# The other desk, as many times as late as it is alone.
TIMES = 3.0


async def burst(rig: Rig) -> list[Row]:
    """How fast the burst is drained, and how the other desk fares meanwhile."""
    template = await arming.template(rig)
    floor = await _floor(rig, template)
    return await _service(rig, template, floor)


async def _floor(rig: Rig, template: str) -> float:
    """Breaches a second of the bare program."""
    kafka = await rig.kafka()
    name = await rig.copy(template, "sla")
    due_at = arming.now() + timedelta(seconds=6)
    flood = _flood(due_at)
    await arming.arm(rig, name, [flood])
    environment = {**rig.environment(kafka, {"sla": name}), "BENCH_DUE": due_at.isoformat()}
    async with reading(kafka, BREACHES) as arrived:
        with rig.process("bench.floor_burst", environment) as child:
            await until(lambda: len(arrived) >= DUE, [child])
    found = delays("the floor", arrived, flood.due())
    await rig.drop(name)
    return _said("bench.floor_burst", found, due_at)


async def _service(rig: Rig, template: str, floor: float) -> list[Row]:
    kafka = await rig.kafka()
    name = await rig.copy(template, "sla")
    due_at = arming.now() + LEAD
    flood, quiet = _flood(due_at), _quiet(due_at)
    await arming.arm(rig, name, [flood, *quiet.values()])
    environment = {
        **rig.environment(kafka, {"sla": name}),
        "PLEDGE_DESKS": str(arming.DESKS),
    }
    async with reading(kafka, BREACHES) as breaches, reading(kafka, TIMERS) as timers:
        with rig.process("sla", environment) as child:
            await ready(child, environment["PLEDGE_SLA_HTTP_PORT"])
            if CLOCK.now() > due_at - BEFORE:
                raise RuntimeError("the service was not ready before the first was due")
            await CLOCK.sleep_until(due_at - timedelta(seconds=0.2))
            spent = {**rig.seconds(), "itself": child.seconds()}
            await until(lambda: len(breaches) >= DUE + 2 * QUIETS, [child])
            now = {**rig.seconds(), "itself": child.seconds()}
            await until(lambda: len(timers) >= 2 * QUIETS, [child])
    counted = await counts(kafka, rig.server.dsn(name, "sla"), ("breaches", "outbox"), BREACHES)
    if counted != {"breaches": DUE + 2 * QUIETS, "outbox": 0, "events": DUE + 2 * QUIETS}:
        raise RuntimeError(f"the service wrote {counted}")
    await rig.drop(name)
    parts = ", ".join(f"{each} {(now[each] - spent[each]) / DUE * 1e6:.0f}" for each in now)
    say(f"sla: µs of processor a breach: {parts}")
    drained = _said("sla", delays("the flood", breaches, flood.due()), due_at)
    return [
        drain("burst_rate", drained, floor, at_least=REACH),
        *_quiet_rows(quiet, breaches, timers),
    ]


def _flood(due_at: datetime) -> Kind:
    return arming.breaking(due_at, timedelta(), DUE, first=10_000_000)


def _quiet(due_at: datetime) -> dict[str, Kind]:
    """What the other desk has, before the burst and during it."""
    found = {}
    for number, (when, at) in enumerate((("alone", due_at - BEFORE), ("beside", due_at + STEP))):
        first = 20_000_000 + number * 10_000
        found[f"breaches {when}"] = arming.breaking(at, STEP, QUIETS, first=first, desk=QUIET)
        warned_at = at + STEP / 2
        found[f"warnings {when}"] = arming.warned(
            warned_at, STEP, QUIETS, first=first + 5_000, desk=QUIET
        )
    return found


def _quiet_rows(
    quiet: dict[str, Kind], breaches: list[Arrival], timers: list[Arrival]
) -> list[Row]:
    """How late the other desk's events were: beside the flood, and before it for a floor."""
    found: dict[str, Delays] = {}
    for name, kind in quiet.items():
        is_breach = name.startswith("breaches")
        found[name] = delays(
            name, breaches if is_breach else timers, kind.due() if is_breach else kind.warnings()
        )
        say(f"the other desk's {name} the flood: {found[name]}")
    return [
        slowdown(
            f"burst_other_{what}_p99",
            found[f"{what} beside"].at(0.99),
            found[f"{what} alone"].at(0.99),
            at_most=TIMES,
        )
        for what in ("breaches", "warnings")
    ]


def _said(name: str, found: Delays, due_at: datetime) -> float:
    """Events a second, from the instant they were due until the last had arrived."""
    took = (found.last_at - due_at).total_seconds()
    value = len(found.values) / took
    say(f"{name}: {len(found.values):,} in {took:.2f} s, {value:,.0f}/s; {found}")
    return value
