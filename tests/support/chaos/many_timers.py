"""Very many timers come due within a minute, while processes and the database are killed.

Two processes of sla own the timers. All tickets are opened before the first is due; of some, what
keeps the promise is on the bus in time, of others it is learnt of too late. The oracle is that of
the other trials, for another desk's promises.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaProducer

from pledge.events import (
    Actor,
    AgentReplied,
    Contact,
    Event,
    Resolved,
    TicketOpened,
    derived_id,
    encode,
    originate,
)
from pledge.runtime.clock import SystemClock
from pledge.runtime.records import Message
from support.chaos import oracle_sla
from support.chaos.deployment import PATIENCE, Deployment, assert_done
from support.chaos.oracle import once_in_order
from support.chaos.oracle_sla import Targets
from support.chaos.publisher import Publisher
from support.chaos.random_source import RandomSource
from support.chaos.replicas import Replica
from support.chaos.servers import Servers
from support.chaos.topic_reader import PublishedEvent, open_reader, parse
from support.chaos.verdict import Verdict, Violation
from support.waiting import eventually

CLOCK = SystemClock()
DESK = "many-timers"
AGENT = Actor(kind="agent", id="ann", name="Ann")
TIMERS_A_TICKET = 2
# The resolution is due so long after the first response.
AFTERWARDS = timedelta(seconds=10)
# A breach that was noticed later than that must be marked late.
LATE_AFTER = timedelta(seconds=1)
TOPICS = ("ticket.events.v1", "sla.events.v1", "sla.breaches.v1")
_HAS_READ = "SELECT coalesce(sum(next_offset), 0)::int8 FROM consumed WHERE topic = $1"
REST_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Plan:
    """How many, and when. Timers come due from `lead` after the beginning, for `lasts`."""

    timers: int
    lasts: timedelta

    @property
    def tickets(self) -> int:
        """How many tickets have them."""
        return self.timers // TIMERS_A_TICKET

    @property
    def lead(self) -> timedelta:
        """Time for everything to be published, and read, before the first is due."""
        return timedelta(seconds=10 + self.tickets // 350)

    @property
    def within(self) -> timedelta:
        """What the desk promises: all tickets are opened before the beginning."""
        return timedelta(seconds=round((self.lead + self.lasts).total_seconds()) + 1)

    @property
    def targets(self) -> Targets:
        """The desk's promises as the oracle knows them."""
        answers = frozenset(("ticket.agent_replied", "ticket.resolved"))
        return {
            "first_response": (self.within, answers),
            "resolution": (self.within + AFTERWARDS, frozenset(("ticket.resolved",))),
        }

    def desk_file(self) -> str:
        """The same as sla reads it."""
        return f"""\
desk: {DESK}
timezone: UTC
severity: {{levels: [normal], default: normal}}
metrics:
  first_response:
    starts: opened
    meets: [agent_replied, resolved]
    targets: [{{within: {self.within.seconds}s}}]
  resolution:
    starts: opened
    meets: [resolved]
    targets: [{{within: {(self.within + AFTERWARDS).seconds}s}}]
"""


@dataclass(slots=True)
class Observed:
    """What became of it."""

    plan: Plan
    verdict: Verdict
    faults: list[str] = field(default_factory=list)
    late_by: list[float] = field(default_factory=list)
    """Seconds from due to detected, of each breach, in order."""
    counts: dict[str, int] = field(default_factory=dict)
    took: timedelta = timedelta()

    def later_than(self, share: float) -> float:
        """A percentile of the seconds from due to detected."""
        return self.late_by[min(len(self.late_by) - 1, int(share * len(self.late_by)))]


async def run(servers: Servers, plan: Plan, seed: int) -> Observed:
    """Let the timers come due in a deployment of two sla processes, break things, and verify."""
    started = CLOCK.monotonic()
    deployment = Deployment(servers, f"timers{seed}")
    # As in production: a small batch would only make the reading slow.
    deployment.overrides["KAFKA_BATCH_RECORDS"] = "1000"
    observed = Observed(plan, Verdict())
    try:
        await servers.restore()
        await deployment.prepare()
        path = deployment.folder / "desks" / DESK / "sla.yaml"
        path.parent.mkdir()
        path.write_text(plan.desk_file(), encoding="utf-8")
        await _run_faults(deployment, plan, RandomSource(seed), observed)
        await _rest(deployment)
        await _verify(deployment, plan, observed)
    finally:
        await deployment.close()
    observed.took = timedelta(seconds=CLOCK.monotonic() - started)
    return observed


async def _run_faults(
    deployment: Deployment, plan: Plan, rng: RandomSource, observed: Observed
) -> None:
    replicas = [deployment.main("sla"), deployment.replica("sla", "sla-second")]
    for each in replicas:
        each.start()
    await asyncio.gather(*(each.ready(PATIENCE) for each in replicas))
    began = CLOCK.now()
    early, late = _stories(plan, rng, began)
    await _publish(deployment, early)
    await _read(deployment, began + plan.lead)
    left = (began + plan.lead - CLOCK.now()).total_seconds()
    observed.counts["seconds left when all was read, before the first was due"] = max(
        0, round(left)
    )
    async with asyncio.TaskGroup() as group:
        group.create_task(_publish_late(deployment, late))
        group.create_task(_break(deployment, replicas, plan, began + plan.lead, observed))


async def _break(
    deployment: Deployment,
    replicas: list[Replica],
    plan: Plan,
    first_due: datetime,
    observed: Observed,
) -> None:
    """Kill, join and leave while timers are due. The first process is a static member."""
    first, second = replicas
    third = deployment.replica("sla", "sla-third")

    async def at(share: float, what: str) -> None:
        await CLOCK.sleep_until(first_due + share * plan.lasts)
        observed.faults.append(f"{share:.0%}: {what}")

    await at(0.10, "kill -9 of a process")
    await second.kill()
    await at(0.25, "it comes back: rebalance")
    second.start()
    await at(0.40, "a third process joins: rebalance")
    third.start()
    await at(0.55, "kill -9 of the database, started at once")
    await deployment.servers.kill_database()
    await deployment.servers.start_database()
    await at(0.70, "kill -9 of the other process, started at once")
    await first.kill()
    first.start()
    await at(0.85, "the third process is stopped: rebalance")
    await third.stop()
    await asyncio.gather(*(each.ready(PATIENCE) for each in replicas))


# -- what comes in ----------------------------------------------------------------------------


def _stories(
    plan: Plan, rng: RandomSource, began: datetime
) -> tuple[list[Message], list[tuple[datetime, Message]]]:
    """What is published before the first is due, and what only later, with its instant."""
    early: list[Message] = []
    late: list[tuple[datetime, Message]] = []
    for n in range(plan.tickets):
        due_at = began + plan.lead + n / plan.tickets * plan.lasts
        opened_at = due_at - plan.within
        ticket_id = rng.id()
        early.append(_message(ticket_id, 1, _opened(ticket_id, n, opened_at)))
        outcome = rng.number(1, 100)
        # Answered a moment before the beginning, which is before anything is due.
        in_time = began - timedelta(seconds=1)
        if outcome <= 25:
            early.append(_message(ticket_id, 2, _replied(ticket_id, n, in_time, began)))
        elif outcome <= 40:
            early.append(_message(ticket_id, 2, _resolved(ticket_id, n, in_time, began)))
        elif outcome <= 43:
            known_at = due_at + timedelta(seconds=rng.between(0.5, 5))
            event = _replied(ticket_id, n, due_at - timedelta(milliseconds=1), known_at)
            late.append((known_at, _message(ticket_id, 2, event)))
    late.sort(key=lambda each: each[0])
    return early, late


def _opened(ticket_id: UUID, n: int, at: datetime) -> TicketOpened:
    return TicketOpened(
        desk=DESK,
        occurred_at=at,
        recorded_at=at,
        ticket_id=ticket_id,
        ticket_number=f"MANY-{n}",
        subject_line="Nothing works",
        channel="email",
        requester=Contact(name="Bea", email="bea@customer.example"),
        severity="normal",
    )


def _replied(ticket_id: UUID, n: int, at: datetime, known_at: datetime) -> AgentReplied:
    return AgentReplied(
        desk=DESK,
        occurred_at=at,
        recorded_at=known_at,
        ticket_id=ticket_id,
        ticket_number=f"MANY-{n}",
        by=AGENT,
        text="We are on it",
    )


def _resolved(ticket_id: UUID, n: int, at: datetime, known_at: datetime) -> Resolved:
    return Resolved(
        desk=DESK,
        occurred_at=at,
        recorded_at=known_at,
        ticket_id=ticket_id,
        ticket_number=f"MANY-{n}",
        by=AGENT,
    )


def _message(ticket_id: UUID, sequence: int, event: Event) -> Message:
    envelope = originate(
        event,
        source="/intake",
        id=derived_id(str(ticket_id), sequence),
        sequence=sequence,
        correlation_id=str(ticket_id),
    )
    encoded = encode(event, envelope)
    return Message(encoded.topic, encoded.key, encoded.value, encoded.headers)


async def _publish(deployment: Deployment, messages: Iterable[Message]) -> None:
    """All at once; returns when the broker has them."""
    producer = AIOKafkaProducer(
        **deployment.kafka.client_options(), acks="all", enable_idempotence=True, linger_ms=5
    )
    await producer.start()
    try:
        for message in messages:
            await producer.send(
                deployment.kafka.topic(message.topic),
                message.value,
                key=message.key,
                headers=list(message.headers),
            )
        await producer.flush()
    finally:
        await producer.stop()


async def _publish_late(deployment: Deployment, late: Iterable[tuple[datetime, Message]]) -> None:
    publisher = Publisher(deployment.kafka)
    try:
        for at, message in late:
            await CLOCK.sleep_until(at)
            await publisher.publish(message)
    finally:
        await publisher.close()


async def _read(deployment: Deployment, until: datetime) -> None:
    """Wait for sla to have read what was published, but not longer than `until`."""
    async with open_reader(deployment.kafka) as reader:
        ends = await reader.ends()
    wanted = sum(end for (topic, _), end in ends.items() if topic == TOPICS[0])
    connection = await asyncpg.connect(deployment.dsn("sla"), timeout=10)
    try:
        while CLOCK.now() < until:
            if await connection.fetchval(_HAS_READ, TOPICS[0]) >= wanted:
                return
            await CLOCK.sleep(timedelta(milliseconds=200))
    finally:
        await connection.close()


# -- what came out ------------------------------------------------------------------------------


async def _rest(deployment: Deployment) -> None:
    """Wait until all is read, fired and published."""

    async def is_at_rest() -> bool:
        for each in deployment.replicas.values():
            each.check()
        async with open_reader(deployment.kafka) as reader:
            ends = await reader.ends()
        connection = await asyncpg.connect(deployment.dsn("sla"), timeout=10)
        try:
            await assert_done(connection, "sla", ends)
        finally:
            await connection.close()
        return True

    await eventually(is_at_rest, within=REST_WITHIN, what="all work done")


async def _verify(deployment: Deployment, plan: Plan, observed: Observed) -> None:
    verdict = observed.verdict
    async with open_reader(deployment.kafka) as reader:
        records = await reader.read()
    facts, timers, breaches = (
        once_in_order(parse(records[topic], topic), verdict) for topic in TOPICS
    )
    oracle_sla.verify(facts, timers, breaches, verdict, targets=plan.targets)
    started = sum(each.what == "timer.started" for each in timers)
    verdict.expect(started == plan.timers, Violation.LOST, f"{started} timers were started")
    connection = await asyncpg.connect(deployment.dsn("sla"), timeout=10)
    try:
        await oracle_sla.verify_tables(connection, facts, breaches, (), verdict)
    finally:
        await connection.close()
    broken = [each for each in breaches if each.what == "promise.breached"]
    observed.late_by = sorted(_lateness(broken, verdict))
    observed.counts |= {
        "timers started": started,
        "of them met": sum(each.what == "timer.met" for each in timers),
        "breaches": len(broken),
        "of them noticed more than a second late": sum(by > 1 for by in observed.late_by),
        "of them provisional": sum(bool(each.data["is_provisional"]) for each in broken),
        "retractions": len(breaches) - len(broken),
        "repetitions on the topics": verdict.counts.get("repetitions on the topics", 0),
        "processes killed": deployment.kills,
    }


def _lateness(broken: Iterable[PublishedEvent], verdict: Verdict) -> Iterator[float]:
    for each in broken:
        due_at, detected_at = (
            datetime.fromisoformat(each.data[name]) for name in ("due_at", "detected_at")
        )
        by = detected_at - due_at
        is_marked = bool(each.data["is_late"])
        # Instants are published in whole milliseconds.
        if abs(by - LATE_AFTER) > timedelta(milliseconds=2):
            verdict.expect(
                is_marked == (by > LATE_AFTER), Violation.OTHER, f"{each}: late {is_marked}"
            )
        yield by.total_seconds()
