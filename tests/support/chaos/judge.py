"""The oracle: compares what went in with what came out, after everything has come to rest.

It shares no code with the services: it reads topics with a consumer of its own, parses them by
itself, and works the desk's promises out anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import asyncpg
from aiokafka.structs import ConsumerRecord

from support.chaos import judge_intake, judge_notify, judge_poison, judge_sla, judge_status
from support.chaos.load import Ledger
from support.chaos.reading import Told, open_reader, parse
from support.chaos.verdict import Verdict, Wrong
from support.chaos.world import SERVICES, World

NUMBERED = (
    "ticket.events.v1",
    "sla.events.v1",
    "sla.breaches.v1",
    "notify.events.v1",
    "status.events.v1",
)


async def judge(world: World, ledger: Ledger) -> Verdict:
    """Everything that is wrong in a world at rest."""
    verdict = Verdict()
    async with open_reader(world.kafka) as reader:
        records = await reader.read()
    poison = judge_poison.Poisoned(ledger.poison)
    events = {
        topic: once_in_order(poison.without(parse(records[topic], topic)), verdict)
        for topic in NUMBERED
    }
    connections = {each: await asyncpg.connect(world.dsn(each), timeout=10) for each in SERVICES}
    try:
        facts = events["ticket.events.v1"]
        judge_intake.judge(facts, ledger, verdict)
        await judge_intake.judge_tables(connections["intake"], facts, ledger, verdict)
        judge_sla.judge(facts, events["sla.events.v1"], events["sla.breaches.v1"], verdict)
        incidents = {each.subject for each in events["status.events.v1"]}
        await judge_sla.judge_tables(
            connections["sla"], facts, events["sla.breaches.v1"], incidents, verdict
        )
        await judge_notify.judge(
            connections["notify"],
            world.receiver.calls,
            events["sla.breaches.v1"],
            events["notify.events.v1"],
            verdict,
        )
        await judge_status.judge(connections["status"], facts, events["status.events.v1"], verdict)
        judge_poison.judge(records, poison, verdict)
    finally:
        for each in connections.values():
            await each.close()
    _count(records, ledger, verdict)
    return verdict


def once_in_order(events: Sequence[Told], verdict: Verdict) -> list[Told]:
    """The events without their repetitions.

    Per subject the sequences begin with 1 and have no gap; what comes again is exactly what came
    before; all of a subject is in one partition under its own key.
    """
    first: dict[tuple[str, int], Told] = {}
    last: dict[str, int] = {}
    homes: dict[str, int] = {}
    kept: list[Told] = []
    for each in events:
        if each.sequence is None:
            verdict.blame(Wrong.OTHER, f"{each} has no sequence")
            continue
        verdict.expect(each.key == each.subject.encode(), Wrong.OTHER, f"{each}: key {each.key!r}")
        home = homes.setdefault(each.subject, each.partition)
        verdict.expect(home == each.partition, Wrong.DISORDER, f"{each} is not in [{home}]")
        seen = last.get(each.subject, 0)
        if each.sequence <= seen:
            before = first[each.subject, each.sequence]
            is_same = (before.id, before.value) == (each.id, each.value)
            verdict.expect(is_same, Wrong.TWICE, f"{each} differs from {before}")
            verdict.count("repetitions on the topics", 1)
            continue
        verdict.expect(each.sequence == seen + 1, Wrong.LOST, f"{each} follows #{seen}")
        for missing in range(seen + 1, each.sequence):
            first[each.subject, missing] = each
        first[each.subject, each.sequence] = each
        last[each.subject] = each.sequence
        kept.append(each)
    _check_ids(kept, verdict)
    return kept


def _check_ids(events: Iterable[Told], verdict: Verdict) -> None:
    seen: dict[str, Told] = {}
    for each in events:
        if each.id in seen:
            verdict.blame(Wrong.TWICE, f"{each} has the id of {seen[each.id]}")
        seen[each.id] = each


def _count(records: dict[str, list[ConsumerRecord]], ledger: Ledger, verdict: Verdict) -> None:
    verdict.count("events in", ledger.events)
    verdict.count("duplicates in", ledger.doubles)
    verdict.count("poison in", len(ledger.poison))
    channels = sum(len(found) for topic, found in records.items() if _is_channel(topic))
    verdict.count("channel records", channels)
    for topic in NUMBERED:
        verdict.count(f"{topic.removesuffix('.v1')} records", len(records[topic]))
    dead = sum(len(found) for topic, found in records.items() if topic.endswith(".dlq"))
    verdict.count("dead letters", dead)


def _is_channel(topic: str) -> bool:
    return topic.startswith("channel.") and not topic.endswith(".dlq")
