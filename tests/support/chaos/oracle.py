"""The oracle: compares input with output when all work is done.

It shares no code with the services: it reads topics with its own consumer, parses them by itself,
and computes the desk's promises again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import asyncpg
from aiokafka.structs import ConsumerRecord

from support.chaos import oracle_intake, oracle_notify, oracle_poison, oracle_sla, oracle_status
from support.chaos.deployment import SERVICES, Deployment
from support.chaos.load import Ledger
from support.chaos.topic_reader import PublishedEvent, open_reader, parse
from support.chaos.verdict import Verdict, Violation

NUMBERED = (
    "ticket.events.v1",
    "sla.events.v1",
    "sla.breaches.v1",
    "notify.events.v1",
    "status.events.v1",
)


async def verify(deployment: Deployment, ledger: Ledger) -> Verdict:
    """All violations in a deployment that is at rest."""
    verdict = Verdict()
    async with open_reader(deployment.kafka) as reader:
        records = await reader.read()
    poison = oracle_poison.Poisoned(ledger.poison)
    events = {
        topic: once_in_order(poison.without(parse(records[topic], topic)), verdict)
        for topic in NUMBERED
    }
    connections = {
        each: await asyncpg.connect(deployment.dsn(each), timeout=10) for each in SERVICES
    }
    try:
        facts = events["ticket.events.v1"]
        oracle_intake.verify(facts, ledger, verdict)
        await oracle_intake.verify_tables(connections["intake"], facts, ledger, verdict)
        oracle_sla.verify(facts, events["sla.events.v1"], events["sla.breaches.v1"], verdict)
        incidents = {each.subject for each in events["status.events.v1"]}
        await oracle_sla.verify_tables(
            connections["sla"], facts, events["sla.breaches.v1"], incidents, verdict
        )
        await oracle_notify.verify(
            connections["notify"],
            deployment.receiver.calls,
            events["sla.breaches.v1"],
            events["notify.events.v1"],
            verdict,
        )
        await oracle_status.verify(
            connections["status"], facts, events["status.events.v1"], verdict
        )
        oracle_poison.verify(records, poison, verdict)
    finally:
        for each in connections.values():
            await each.close()
    _count(records, ledger, verdict)
    return verdict


def once_in_order(events: Sequence[PublishedEvent], verdict: Verdict) -> list[PublishedEvent]:
    """The events without their repetitions.

    Per subject the sequences begin with 1 and have no gap; a repetition equals the first
    record; all of a subject is in one partition under its own key.
    """
    first: dict[tuple[str, int], PublishedEvent] = {}
    last: dict[str, int] = {}
    partitions: dict[str, int] = {}
    kept: list[PublishedEvent] = []
    for each in events:
        if each.sequence is None:
            verdict.add(Violation.OTHER, f"{each} has no sequence")
            continue
        verdict.expect(
            each.key == each.subject.encode(), Violation.OTHER, f"{each}: key {each.key!r}"
        )
        partition = partitions.setdefault(each.subject, each.partition)
        verdict.expect(
            partition == each.partition, Violation.DISORDER, f"{each} is not in [{partition}]"
        )
        previous = last.get(each.subject, 0)
        if each.sequence <= previous:
            before = first[each.subject, each.sequence]
            is_same = (before.id, before.value) == (each.id, each.value)
            verdict.expect(is_same, Violation.TWICE, f"{each} differs from {before}")
            verdict.count("repetitions on the topics", 1)
            continue
        verdict.expect(each.sequence == previous + 1, Violation.LOST, f"{each} follows #{previous}")
        for missing in range(previous + 1, each.sequence):
            first[each.subject, missing] = each
        first[each.subject, each.sequence] = each
        last[each.subject] = each.sequence
        kept.append(each)
    _check_ids(kept, verdict)
    return kept


def _check_ids(events: Iterable[PublishedEvent], verdict: Verdict) -> None:
    seen: dict[str, PublishedEvent] = {}
    for each in events:
        if each.id in seen:
            verdict.add(Violation.TWICE, f"{each} has the id of {seen[each.id]}")
        seen[each.id] = each


def _count(records: dict[str, list[ConsumerRecord]], ledger: Ledger, verdict: Verdict) -> None:
    verdict.count("events in", ledger.events)
    verdict.count("duplicates in", ledger.duplicates)
    verdict.count("poison in", len(ledger.poison))
    channels = sum(len(found) for topic, found in records.items() if _is_channel(topic))
    verdict.count("channel records", channels)
    for topic in NUMBERED:
        verdict.count(f"{topic.removesuffix('.v1')} records", len(records[topic]))
    dead = sum(len(found) for topic, found in records.items() if topic.endswith(".dlq"))
    verdict.count("dead letters", dead)


def _is_channel(topic: str) -> bool:
    return topic.startswith("channel.") and not topic.endswith(".dlq")
