"""How many events a second one process takes, beside a bare program that writes the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from bench import load
from bench.report import Row, at_most, rate
from bench.rig import CLOCK, Rig, Throughput, agree, consumed, counts
from bench.say import say
from pledge.runtime.ids import SystemIds
from pledge.runtime.records import Message
from support import topics

TICKETS = 8_000
MAILS = 20_000
# Processor time of `sla` itself, an event.
SPENT = 75


@dataclass(frozen=True, slots=True)
class Subject:
    """A service, and what it writes and publishes to."""

    service: str
    tables: tuple[str, ...]
    topic: str
    reach: float
    """Share of its floor."""


SLA = Subject("sla", ("tickets", "facts", "timers"), "sla.events.v1", 0.75)
INTAKE = Subject(
    "intake", ("tickets", "facts", "threads", "deliveries", "texts"), "ticket.events.v1", 0.70
)


async def sla_events(rig: Rig) -> list[Row]:
    """Ticket events through sla."""
    start = CLOCK.now() - timedelta(minutes=10)
    records = list(load.lives(TICKETS, start, SystemIds(CLOCK)))
    value, floor = await _compare(rig, SLA, records)
    own, least = value.spent["itself"], floor.spent["itself"]
    return [_rate(SLA, value, floor), at_most("sla_event_spent", own, "µs", least, limit=SPENT)]


async def intake_events(rig: Rig) -> list[Row]:
    """Mails through intake."""
    start = CLOCK.now() - timedelta(minutes=10)
    records = list(load.mails(MAILS, start, SystemIds(CLOCK)))
    return [_rate(INTAKE, *await _compare(rig, INTAKE, records))]


def _rate(subject: Subject, value: Throughput, floor: Throughput) -> Row:
    return rate(f"{subject.service}_events", value.rate, floor.rate, share=subject.reach)


async def _compare(
    rig: Rig, subject: Subject, records: Sequence[Message]
) -> tuple[Throughput, Throughput]:
    """The service's throughput, and its floor's."""
    floor, floor_counts = await _one(rig, f"bench.floor_{subject.service}", subject, records)
    value, value_counts = await _one(rig, subject.service, subject, records)
    agree(floor_counts, value_counts)
    return value, floor


async def _one(
    rig: Rig, module: str, subject: Subject, records: Sequence[Message]
) -> tuple[Throughput, dict[str, int]]:
    """How fast one program is on topics and a database of its own, and how much it wrote."""
    kafka = await rig.kafka()
    name = await rig.database(subject.service)
    await topics.publish(kafka, records)
    dsn = rig.server.dsn(name, subject.service)
    environment = rig.environment(kafka, {subject.service: name})
    with rig.process(module, environment) as child:
        value = await consumed(rig, child, dsn, 0, len(records))
        say(f"{module}: {value}")
    return value, await counts(kafka, dsn, subject.tables, subject.topic)
