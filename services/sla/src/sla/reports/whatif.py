"""What would have been: real history under another policy. Nothing is written.

Tickets are read a page at a time, each statement for itself, so that memory and the database's
snapshots stay small however long the history is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from pledge.runtime.instants import utc_text
from sla.assessment.policy_registry import Policies
from sla.domain.attainment import Group, Tally, merged, side_by_side, tally
from sla.domain.policy.policy import Policy
from sla.domain.policy_versions import assess_versions
from sla.domain.replay.assess import assess
from sla.domain.replay.missed_intervals import begun
from sla.domain.values import Assessment, Fact, State, Timer
from sla.storage import store, tickets_of_desk
from sla.storage.ticket_cache import Ticket

# Tickets looked at by one statement; those within the period are then read whole.
PAGE = 2_000
BATCH = 500
# Breaches that are listed one by one; the counts go on.
LONGEST_LIST = 1_000

Key = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Question:
    """Which history, under which policy: tickets of `desk` opened from `since` up to `until`, with
    what had happened by then."""

    desk: str
    policy: Policy
    since: datetime
    until: datetime


@dataclass(slots=True)
class Answer:
    """Attainment as it was and as it would have been, and the breaches that make the difference."""

    question: Question
    tickets: int = 0
    then: dict[Group, Tally] = field(default_factory=dict)
    now: dict[Group, Tally] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    breaches: list[dict[str, Any]] = field(default_factory=list)

    def add(self, tickets: Iterable[Ticket], policies: Policies) -> None:
        """Take tickets in, whose policies are at hand."""
        for ticket in tickets:
            facts = _happened(ticket.facts, self.question.until)
            before = Assessment()
            if policies.why_waiting(ticket) is None and (own := policies.of(ticket)) is not None:
                before = assess_versions(facts, own, policies.past(ticket)).assessment
            self._count(str(ticket.ticket_id), ticket.number, before, facts)

    def add_ticket(
        self, ticket_id: str, number: str, facts: Sequence[Fact], against: Policy | None
    ) -> None:
        """Take in a ticket that no database has; `against` is the policy to compare with."""
        facts = _happened(facts, self.question.until)
        before = Assessment() if against is None else assess(facts, against)
        self._count(ticket_id, number, before, facts)

    def _count(
        self, ticket_id: str, number: str, before: Assessment, facts: Sequence[Fact]
    ) -> None:
        asked = self.question
        after = assess(facts, asked.policy)
        self._compare(ticket_id, number, before, after)
        self.tickets += 1
        self.then = merged(self.then, tally([before], asked.until, by_month=False))
        self.now = merged(self.now, tally([after], asked.until, by_month=False))

    def _compare(self, ticket_id: str, number: str, before: Assessment, after: Assessment) -> None:
        then, now = self._missed(before), self._missed(after)
        for what, keys in (
            ("new", now.keys() - then.keys()),
            ("avoided", then.keys() - now.keys()),
        ):
            for key in sorted(keys):
                self.counts[what] += 1
                if len(self.breaches) < LONGEST_LIST:
                    self.breaches.append(
                        {
                            "what": what,
                            "ticket_id": ticket_id,
                            "number": number,
                            "metric": key[0],
                            "cycle": key[1],
                            "due_then": utc_text(_due(before, key)),
                            "due_now": utc_text(_due(after, key)),
                        }
                    )

    def _missed(self, assessment: Assessment) -> dict[Key, Timer]:
        until = self.question.until
        return {
            (timer.metric, timer.cycle): timer
            for timer in begun(assessment, until)
            if timer.state_at(until) is State.BREACHED
        }

    def json(self) -> dict[str, Any]:
        """For programs."""
        asked = self.question
        return {
            "desk": asked.desk,
            "policy_version": asked.policy.version,
            "since": utc_text(asked.since),
            "until": utc_text(asked.until),
            "tickets": self.tickets,
            "attainment": [
                {
                    "metric": each.group.metric,
                    "severity": each.group.severity,
                    "then": _figures(each.before),
                    "now": _figures(each.after),
                }
                for each in side_by_side(self.then, self.now)
            ],
            "new_breaches": self.counts["new"],
            "avoided_breaches": self.counts["avoided"],
            "breaches": self.breaches,
            "is_complete": len(self.breaches) == sum(self.counts.values()),
        }


async def replay(
    connection: asyncpg.Connection,
    policies: Policies,
    question: Question,
    progress: Callable[[int, int], None],
) -> Answer:
    """Assess every ticket of the period under its own versions and under the policy asked about.

    `progress` is called with how many of how many tickets of the desk have been looked at.
    """
    answer, last, seen = Answer(question), UUID(int=0), 0
    total = await tickets_of_desk.count(connection, question.desk)
    while rows := await tickets_of_desk.opened_within(
        connection, question.desk, question.since, question.until, last, PAGE
    ):
        last = rows[-1][0]
        asked = [ticket_id for ticket_id, is_within in rows if is_within]
        for start in range(0, len(asked), BATCH):
            tickets = await store.load_tickets(connection, asked[start : start + BATCH])
            await policies.fetch(connection, tickets.values())
            answer.add(tickets.values(), policies)
        seen += len(rows)
        progress(seen, max(seen, total))
    return answer


def _happened(facts: Sequence[Fact], until: datetime) -> Sequence[Fact]:
    """What counts by `until`, as it is known today.

    Our reading: history is what happened, for both policies alike. A call logged after `until` was
    made all the same, and what was published of it was put right since. See `facts.counts_at`.
    """
    return [each for each in facts if min(each.occurred_at, each.recorded_at) <= until]


def _due(assessment: Assessment, key: Key) -> datetime | None:
    return next(
        (
            each.due_at
            for each in (*assessment.timers, *assessment.foreseen)
            if (each.metric, each.cycle) == key
        ),
        None,
    )


def _figures(found: Tally | None) -> dict[str, Any] | None:
    if found is None:
        return None
    ratio = found.attainment
    return {
        "kept": found.kept,
        "missed": found.missed,
        "running": found.running,
        "attainment": None if ratio is None else round(ratio, 4),
        "expectations": found.hoped,
        "expectations_kept": found.expected,
    }
