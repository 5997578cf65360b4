"""What an event costs when there are many tickets, beside what it costs when there are few."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaProducer
from pydantic_core import from_json, to_json

from bench import load
from bench.report import Row, growth
from bench.rig import CLOCK, DESKS, PARTITIONS, Rig, consumed
from bench.say import say
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.ids import SystemIds
from pledge.runtime.records import Message
from sla.desk_file.read import load as load_policy
from sla.domain.changes import diff
from sla.domain.facts import fact_from_event
from sla.domain.replay.assess import assess
from sla.domain.values import PublishedState
from support import topics

FEW, MANY = 10_000, 1_000_000
# Each round works on tickets that no round before has touched, spread over the whole table, and
# opens as many new ones.
ROUNDS = 3
TOUCHED = 1_000
REACH = 1.2
IDS = SystemIds(CLOCK)

_SEED_TICKETS = """
INSERT INTO tickets (ticket_id, topic, partition, desk, number, policy_version, severity,
    is_closed, sequence, timer_sequence, breach_sequence, wake_at, cause_id, correlation_id)
SELECT ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid, 'ticket.events.v1', n % $2,
    'bench', 'BEN-' || n, $3, 'p3', false, 1, 2, 0, $4, 'seed-' || n, 'seed-' || n
FROM generate_series(0, $1 - 1) AS n
"""
_SEED_FACTS = """
INSERT INTO facts (ticket_id, sequence, type, occurred_at, recorded_at, data)
SELECT ticket_id, 1, 'opened', $1, $1, $2 FROM tickets
"""
_SEED_TIMERS = """
INSERT INTO timers (ticket_id, metric, cycle, desk, state, started_at, due_at, at_risk_sent,
    target, reason)
SELECT ticket_id, metric, 1, 'bench', 'running', $1, due_at, 0, target, 'opened'
FROM tickets, unnest($2::text[], $3::timestamptz[], $4::text[]) AS timer(metric, due_at, target)
"""


@dataclass(slots=True)
class Seeded:
    """A database that holds `tickets` tickets, and topics for it."""

    tickets: int
    name: str
    kafka: KafkaSettings
    read: int = 0


async def event_cost(rig: Rig) -> list[Row]:
    """The same events, about tickets new and old, in a small database and in a large one."""
    opened_at = CLOCK.now() - timedelta(minutes=10)
    seeded = [await _seed(rig, tickets, opened_at) for tickets in (FEW, MANY)]
    costs: dict[int, list[float]] = {FEW: [], MANY: []}
    for number in range(ROUNDS):
        for each in seeded:
            costs[each.tickets].append(await _round(rig, each, number, opened_at))
    few, many = statistics.median(costs[FEW]), statistics.median(costs[MANY])
    return [growth("event_cost_10k_1m", many, few, at_most=REACH)]


async def _seed(rig: Rig, tickets: int, opened_at: datetime) -> Seeded:
    """Tickets as sla would have written them: one fact and two running timers each."""
    started = CLOCK.monotonic()
    name = await rig.database("sla")
    connection = await asyncpg.connect(rig.server.dsn(name))
    policy = load_policy(DESKS / "bench" / "sla.yaml")
    event = load.opened(UUID(int=0), "BEN-0", opened_at, "p3")
    data = from_json(event.model_dump_json(exclude={"text"}))
    assessment = assess([fact_from_event(data, 1)], policy)
    difference = diff(PublishedState(), assessment, opened_at)
    timers = assessment.timers
    try:
        await connection.execute("SET synchronous_commit = off")
        await connection.execute(
            _SEED_TICKETS, tickets, PARTITIONS, policy.version, difference.wake_at
        )
        await connection.execute(_SEED_FACTS, opened_at, to_json(data).decode())
        await connection.execute(
            _SEED_TIMERS,
            opened_at,
            [each.metric for each in timers],
            [each.due_at for each in timers],
            [each.target for each in timers],
        )
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
    say(f"{tickets:,} tickets seeded in {CLOCK.monotonic() - started:.0f} s")
    return Seeded(tickets, name, await rig.kafka())


async def _round(rig: Rig, seeded: Seeded, number: int, opened_at: datetime) -> float:
    """Microseconds that an event takes."""
    until = seeded.read + await _publish(seeded, number, opened_at)
    dsn = rig.server.dsn(seeded.name, "sla")
    environment = rig.environment(seeded.kafka, {"sla": seeded.name})
    with rig.process("sla", environment) as child:
        value = await consumed(rig, child, dsn, seeded.read, until)
    seeded.read = until
    say(f"sla with {seeded.tickets:,} tickets: {value}")
    return 1e6 / value.rate


async def _publish(seeded: Seeded, number: int, opened_at: datetime) -> int:
    """The events of one round, mixed; returns how many they are."""
    records = list(_records(seeded, number, opened_at))
    new = list(load.lives(TOUCHED, opened_at, IDS))
    producer = AIOKafkaProducer(**seeded.kafka.client_options(), acks="all", linger_ms=1)
    await producer.start()
    try:
        for partition, message in records:
            await producer.send(
                seeded.kafka.topic(message.topic),
                message.value,
                key=message.key,
                headers=list(message.headers),
                partition=partition,
            )
        await producer.flush()
    finally:
        await producer.stop()
    await topics.publish(seeded.kafka, new)
    return len(records) + len(new)


def _records(seeded: Seeded, number: int, opened_at: datetime) -> Iterator[tuple[int, Message]]:
    """Events about seeded tickets, each for the partition that its row names."""
    step = seeded.tickets // (TOUCHED * ROUNDS)
    positions = [(n * ROUNDS + number) * step for n in range(TOUCHED)]
    touched = [(UUID(f"01900000-0000-7000-8000-{n:012x}"), f"BEN-{n}") for n in positions]
    for position, message in load.followed(touched, opened_at, IDS):
        yield positions[position] % PARTITIONS, message
