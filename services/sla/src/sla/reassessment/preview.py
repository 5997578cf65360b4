"""What a policy would do to the tickets that are open now, before anything changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from pledge.runtime.instants import utc_text
from sla.assessment.context import chunks
from sla.assessment.policy_registry import Policies
from sla.domain.policy.policy import Policy
from sla.domain.policy_versions import take_over
from sla.domain.values import Change, ChangeKind
from sla.storage import store, tickets_of_desk
from sla.storage.ticket_cache import Ticket

# Tickets read at a time; between two reads, and within one, others have their turn.
BATCH = 500
# Changes that are listed one by one; the counts go on.
LONGEST_LIST = 1_000

WORDS = {
    ChangeKind.STARTED: "starts",
    ChangeKind.RESUMED: "moves",
    ChangeKind.RESCHEDULED: "moves",
    ChangeKind.PAUSED: "pauses",
    ChangeKind.MET: "is met",
    ChangeKind.CANCELLED: "ends",
    ChangeKind.BREACHED: "breaches",
    ChangeKind.BREACH_RETRACTED: "breach falls away",
}

YieldToLoop = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Preview:
    """The changes that a policy would bring, counted and, up to a bound, listed."""

    policy_version: str
    tickets: int = 0
    affected: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    changes: list[dict[str, Any]] = field(default_factory=list)

    def json(self) -> dict[str, Any]:
        """As the API gives it."""
        return {
            "policy_version": self.policy_version,
            "open_tickets": self.tickets,
            "affected_tickets": self.affected,
            "counts": dict(self.counts),
            "changes": self.changes,
            "is_complete": len(self.changes) == sum(self.counts.values()),
        }

    def add(self, ticket: Ticket, changes: list[Change]) -> None:
        """Note what would be said of `ticket`."""
        self.tickets += 1
        self.affected += bool(changes)
        published = {(each.metric, each.cycle): each for each in ticket.published.timers}
        for change in changes:
            word = WORDS[change.kind]
            self.counts[word] += 1
            if len(self.changes) < LONGEST_LIST:
                before = published.get((change.metric, change.cycle))
                self.changes.append(
                    {
                        "ticket_id": str(ticket.ticket_id),
                        "number": ticket.number,
                        "metric": change.metric,
                        "cycle": change.cycle,
                        "what": word,
                        "due_before": utc_text(before.due_at if before else None),
                        "due_after": utc_text(change.timer.due_at if change.timer else None),
                    }
                )


async def preview(
    pool: asyncpg.Pool,
    policies: Policies,
    policy: Policy,
    now: datetime,
    yield_to_loop: YieldToLoop,
) -> Preview:
    """What `policy` would change for every open ticket of its desk. Nothing is written."""
    found = Preview(policy.version)
    last = UUID(int=0)
    while True:
        async with pool.acquire() as connection:
            ids = await tickets_of_desk.open_tickets(connection, policy.desk, last, BATCH)
            if not ids:
                return found
            tickets = await store.load_tickets(connection, ids)
            await policies.fetch(connection, tickets.values())
        last = ids[-1]
        for chunk in chunks(list(tickets.values())):
            for ticket in chunk:
                found.add(ticket, _changes(ticket, policies, policy, now))
            await yield_to_loop()


def _changes(ticket: Ticket, policies: Policies, policy: Policy, now: datetime) -> list[Change]:
    if ticket.policy_version == policy.version or policies.why_waiting(ticket) is not None:
        return []
    taken = take_over(
        ticket.facts,
        ticket.published,
        policy,
        version=ticket.policy_version,
        current=policies.of(ticket),
        past=policies.past(ticket),
        at=now,
        until=now,
        is_due=ticket.wake_at is not None and ticket.wake_at <= now,
    )
    return [change for change in taken.difference.changes if change.kind in WORDS]
