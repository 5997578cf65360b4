"""The desk's promises, computed again from the facts, compared with what sla published."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import asyncpg

from support.chaos.desk import FIRST_RESPONSE, RESOLUTION
from support.chaos.topic_reader import PublishedEvent
from support.chaos.verdict import Verdict, Violation

Targets = Mapping[str, tuple[timedelta, frozenset[str]]]
"""By metric, within how long, and which facts keep the promise."""

_TARGETS: Targets = {
    "first_response": (
        FIRST_RESPONSE,
        frozenset(("ticket.agent_replied", "ticket.contact_attempted", "ticket.resolved")),
    ),
    "resolution": (RESOLUTION, frozenset(("ticket.resolved",))),
}
# The broker stamps a record a moment before readers get it.
READABLE_WITHIN = timedelta(milliseconds=300)
# Published at most once for each cycle of each timer.
_ONCE = ("timer.started", "timer.met", "timer.cancelled", "timer.at_risk")


@dataclass(frozen=True, slots=True)
class Promise:
    """One promise on one ticket: when it was due, when it was kept, when that could be known."""

    due_at: datetime
    met_at: datetime | None
    known_at: datetime | None

    @property
    def is_kept(self) -> bool:
        """Whether what promised happened by the due instant."""
        return self.met_at is not None and self.met_at <= self.due_at

    @property
    def was_known_to_be_kept(self) -> bool:
        """Whether the fact that kept it was there to be read before the due instant."""
        return (
            self.is_kept
            and self.known_at is not None
            and self.known_at + READABLE_WITHIN < self.due_at
        )


def promises(
    facts: Sequence[PublishedEvent], targets: Targets = _TARGETS
) -> dict[tuple[str, str], Promise]:
    """Every promise by ticket and metric."""
    by_ticket: dict[str, list[PublishedEvent]] = defaultdict(list)
    for fact in facts:
        by_ticket[fact.subject].append(fact)
    found = {}
    for ticket, events in by_ticket.items():
        opened = next(fact for fact in events if fact.what == "ticket.opened")
        for metric, (within, meets) in targets.items():
            meeting = [
                fact
                for fact in events
                if fact.what in meets and fact.occurred_at >= opened.occurred_at
            ]
            due_at = opened.occurred_at + within
            first = min(meeting, key=lambda fact: fact.occurred_at, default=None)
            known = [fact.appended_at for fact in meeting if fact.occurred_at <= due_at]
            found[ticket, metric] = Promise(
                due_at, first.occurred_at if first else None, min(known, default=None)
            )
    return found


def verify(
    facts: Sequence[PublishedEvent],
    timers: Sequence[PublishedEvent],
    breaches: Sequence[PublishedEvent],
    verdict: Verdict,
    *,
    targets: Targets = _TARGETS,
) -> None:
    """Compare the published timers and breaches with the promises."""
    wanted = promises(facts, targets)
    published = Counter(
        (each.what, each.subject, each.data["metric"], each.data["cycle"], each.data.get("percent"))
        for each in timers
        if each.what in _ONCE
    )
    for what, count in published.items():
        verdict.expect(count == 1, Violation.TWICE, f"{what} was published {count} times")
    known = {(what, f"{ticket} {metric}") for what, ticket, metric, *_ in published}
    everything = {f"{ticket} {metric}" for ticket, metric in wanted}
    kept = {f"{ticket} {metric}" for (ticket, metric), one in wanted.items() if one.is_kept}
    for kind, expected in (("timer.started", everything), ("timer.met", kept)):
        found = {which for what, which in known if what == kind}
        verdict.same(found & everything, expected, kind)
    _verify_breaches(wanted, breaches, verdict)


def _verify_breaches(
    wanted: Mapping[tuple[str, str], Promise], breaches: Sequence[PublishedEvent], verdict: Verdict
) -> None:
    broken = [each for each in breaches if each.what == "promise.breached"]
    retracted = [each for each in breaches if each.what == "promise.breach_retracted"]
    for kind, events in (("breached", broken), ("retracted", retracted)):
        for breach, count in Counter(each.data["breach_id"] for each in events).items():
            verdict.expect(count == 1, Violation.TWICE, f"breach {breach} was {kind} {count} times")
        keys = Counter((each.subject, each.data["metric"], each.data["cycle"]) for each in events)
        for key, count in keys.items():
            verdict.expect(count == 1, Violation.TWICE, f"{key} was {kind} {count} times")
    taken_back = {each.data["breach_id"] for each in retracted}
    orphans = taken_back - {each.data["breach_id"] for each in broken}
    verdict.expect(not orphans, Violation.LOST, f"retractions of no breach: {orphans}")
    standing = set()
    for each in broken:
        promise = wanted.get((each.subject, each.data["metric"]))
        if promise is None:
            verdict.add(Violation.FALSE_BREACH, f"{each} of no promise")
            continue
        _verify_breach(each, promise, verdict)
        if each.data["breach_id"] not in taken_back:
            standing.add(f"{each.subject} {each.data['metric']}")
            verdict.expect(
                not promise.is_kept, Violation.FALSE_BREACH, f"{each} was kept at {promise.met_at}"
            )
    missed = {f"{ticket} {metric}" for (ticket, metric), one in wanted.items() if not one.is_kept}
    for each_missed in sorted(missed - standing):
        verdict.add(Violation.LOST, f"no breach of {each_missed}")
    verdict.count("breaches", len(broken))
    verdict.count("retractions", len(retracted))


def _verify_breach(each: PublishedEvent, promise: Promise, verdict: Verdict) -> None:
    due_at = datetime.fromisoformat(each.data["due_at"])
    verdict.expect(
        due_at == promise.due_at, Violation.OTHER, f"{each}: due {due_at}, not {promise.due_at}"
    )
    noticed = datetime.fromisoformat(each.data["detected_at"])
    verdict.expect(noticed >= due_at, Violation.FALSE_BREACH, f"{each}: noticed before it was due")
    verdict.expect(
        each.data["is_provisional"] or not promise.was_known_to_be_kept,
        Violation.FALSE_BREACH,
        f"{each}: due {promise.due_at}, but kept at {promise.met_at}, readable {promise.known_at}",
    )


async def verify_tables(
    connection: asyncpg.Connection,
    facts: Sequence[PublishedEvent],
    breaches: Sequence[PublishedEvent],
    incidents: Collection[str],
    verdict: Verdict,
) -> None:
    """What sla keeps is what was on the topic, once. It keeps facts of incidents, too."""
    rows = await connection.fetch("SELECT ticket_id, sequence FROM facts")
    verdict.same(
        {
            f"{row['ticket_id']} #{row['sequence']}"
            for row in rows
            if str(row["ticket_id"]) not in incidents
        },
        {f"{each.subject} #{each.sequence}" for each in facts},
        "facts kept by sla",
    )
    rows = await connection.fetch("SELECT breach_id, retracted_at FROM breaches")
    retracted = _retracted(breaches)
    verdict.same(
        {f"{row['breach_id']} {row['retracted_at'] is not None}" for row in rows},
        {
            f"{each.data['breach_id']} {each.data['breach_id'] in retracted}"
            for each in breaches
            if each.what == "promise.breached"
        },
        "breaches kept by sla",
    )


def _retracted(breaches: Sequence[PublishedEvent]) -> set[str]:
    return {each.data["breach_id"] for each in breaches if each.what.endswith("retracted")}
