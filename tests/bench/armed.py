"""A million timers armed, ten thousand promises of them broken within a minute."""

from __future__ import annotations

import json
from datetime import timedelta

from bench import arming
from bench.arrivals import Delays, delays, reading, until
from bench.report import Row, latency
from bench.rig import CLOCK, Rig, counts, ready
from bench.say import say

BREACHES = "sla.breaches.v1"
DUE = 10_000
STEP = timedelta(minutes=1) / DUE
# The floor breaks as many a second, for a quarter of a minute.
FLOOR_DUE = 2_500
# From arming until the first is due: whoever is to fire it must be ready by then.
LEAD = timedelta(seconds=18)
FLOOR_LEAD = timedelta(seconds=6)
REACHES = (("p50", 0.50, 10.0), ("p99", 0.99, 50.0))


async def armed(rig: Rig) -> list[Row]:
    """Due to the event as an independent consumer has it, just after its acknowledgement."""
    template = await arming.template(rig)
    floor = await _floor(rig, template)
    value = await _service(rig, template)
    return [
        latency(f"armed_breach_{part}", value.at(share), floor.at(share), at_most=most)
        for part, share, most in REACHES
    ]


async def _floor(rig: Rig, template: str) -> Delays:
    """The bare timer, insert and produce. It writes its own tickets, beside the million."""
    kafka = await rig.kafka()
    name = await rig.copy(template, "sla")
    plan = rig.folder / "armed.json"
    kind = arming.breaking(arming.now() + FLOOR_LEAD, STEP, FLOOR_DUE, first=10_000_000)
    due = kind.due()
    plan.write_text(
        json.dumps([(own, f"BEN-{n}", at.isoformat()) for n, (own, at) in enumerate(due.items())])
    )
    environment = {**rig.environment(kafka, {"sla": name}), "BENCH_PLAN": str(plan)}
    async with reading(kafka, BREACHES) as arrived:
        with rig.process("bench.floor_breach", environment) as child:
            await until(lambda: len(arrived) >= FLOOR_DUE, [child])
    await rig.drop(name)
    found = delays("the floor", arrived, due)
    say(f"bench.floor_breach: {found}")
    return found


async def _service(rig: Rig, template: str) -> Delays:
    kafka = await rig.kafka()
    name = await rig.copy(template, "sla")
    due_at = arming.now() + LEAD
    kind = arming.breaking(due_at, STEP, DUE, first=10_000_000)
    await arming.arm(rig, name, [kind])
    environment = {**rig.environment(kafka, {"sla": name}), "PLEDGE_DESKS": str(arming.DESKS)}
    async with reading(kafka, BREACHES) as arrived:
        with rig.process("sla", environment) as child:
            await ready(child, environment["PLEDGE_SLA_HTTP_PORT"])
            if CLOCK.now() > due_at:
                raise RuntimeError("the service was not ready before the first was due")
            spent, started = child.seconds(), CLOCK.monotonic()
            await until(lambda: len(arrived) >= DUE, [child])
            share = (child.seconds() - spent) / (CLOCK.monotonic() - started)
            memory = child.memory() / 2**20
    counted = await counts(kafka, rig.server.dsn(name, "sla"), ("breaches",), BREACHES)
    if counted != {"breaches": DUE, "events": DUE}:
        raise RuntimeError(f"the service wrote {counted}")
    await rig.drop(name)
    found = delays("sla", arrived, kind.due())
    say(f"sla: {found}; {share:.0%} of a core, at most {memory:.0f} MiB")
    return found
