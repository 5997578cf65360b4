"""The start of the service with a million timers armed: how long, and how much memory."""

from __future__ import annotations

from datetime import timedelta

from bench import arming
from bench.arming import Kind
from bench.arrivals import reading, until
from bench.report import Row, at_most
from bench.rig import CLOCK, Child, Rig, ready
from bench.say import say

BREACHES = "sla.breaches.v1"
# Besides the million: so many come due within the next minutes, so many did before the start.
SOON, OVERDUE = 20_000, 2_000
READY_WITHIN, MEMORY = 10.0, 128.0


async def start(rig: Rig) -> list[Row]:
    """From the start of the process until it says that it is ready; its peak of memory."""
    template = await arming.template(rig)
    floor_took, floor_memory = await _floor(rig, template)
    took, memory = await _service(rig, template)
    return [
        at_most("start_ready", took, "s", floor_took, limit=READY_WITHIN),
        at_most("start_memory", memory, "MiB", floor_memory, limit=MEMORY),
    ]


def _kinds() -> tuple[Kind, Kind]:
    now = arming.now()
    minute = timedelta(minutes=1)
    return (
        arming.breaking(now - 2 * minute, minute / OVERDUE, OVERDUE, first=10_000_000),
        # Later than that they could not have been warned of yet.
        arming.breaking(now + minute, 1.4 * minute / SOON, SOON, first=20_000_000),
    )


async def _floor(rig: Rig, template: str) -> tuple[float, float]:
    kafka = await rig.kafka()
    name = await rig.copy(template, "sla")
    overdue, soon = _kinds()
    await arming.arm(rig, name, [soon], overdue=[overdue])
    started = CLOCK.monotonic()
    with rig.process("bench.floor_start", rig.environment(kafka, {"sla": name})) as child:
        await until(lambda: "ready" in child.log.read_text(), [child])
        took = CLOCK.monotonic() - started
        memory = child.memory() / 2**20
    await rig.drop(name)
    say(f"bench.floor_start: {took:.2f} s, {memory:.0f} MiB")
    return took, memory


async def _service(rig: Rig, template: str) -> tuple[float, float]:
    """Ready and, a little later, when what was overdue is published, the peak of memory."""
    kafka = await rig.kafka()
    name = await rig.copy(template, "sla")
    overdue, soon = _kinds()
    await arming.arm(rig, name, [soon], overdue=[overdue])
    environment = {**rig.environment(kafka, {"sla": name}), "PLEDGE_DESKS": str(arming.DESKS)}
    async with reading(kafka, BREACHES) as arrived:
        started = CLOCK.monotonic()
        with rig.process("sla", environment) as child:
            await ready(child, environment["PLEDGE_SLA_HTTP_PORT"])
            took = CLOCK.monotonic() - started
            await until(lambda: len(arrived) >= OVERDUE, [child])
            published = CLOCK.monotonic() - started
            memory = _memory(child)
    await rig.drop(name)
    say(
        f"sla: ready after {took:.2f} s, {OVERDUE:,} overdue published after {published:.2f} s,"
        f" {memory:.0f} MiB"
    )
    return took, memory


def _memory(child: Child) -> float:
    return child.memory() / 2**20
