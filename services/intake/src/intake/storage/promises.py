"""What is promised on tickets, as the SLA engine last said it: one statement for each topic."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg


@dataclass(frozen=True, slots=True)
class TimerWord:
    """The newest word on the timer of a promise. A metric may begin again, in another cycle."""

    ticket_id: UUID
    metric: str
    cycle: int
    desk: str
    sequence: int
    state: str
    target: str
    team: str | None
    policy_version: str
    as_of: datetime
    due_at: datetime | None
    expect_at: datetime | None
    at_risk_percent: int | None = None
    met_at: datetime | None = None
    waits_for: str | None = None

    def after(self, earlier: "TimerWord") -> "TimerWord":
        """What stands when this follows the other: a warning does, until more time is given."""
        is_put_off = (
            self.state == earlier.state == "running"
            and self.due_at is not None
            and earlier.due_at is not None
            and self.due_at > earlier.due_at
        )
        if is_put_off or self.at_risk_percent is not None:
            return self
        return replace(self, at_risk_percent=earlier.at_risk_percent)


@dataclass(frozen=True, slots=True)
class BreachWord:
    """The newest word on the breach of a promise; without a ``breach_id`` it is taken back."""

    ticket_id: UUID
    metric: str
    cycle: int
    desk: str
    sequence: int
    target: str
    team: str | None
    policy_version: str
    as_of: datetime
    due_at: datetime
    breach_id: UUID | None


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise on a ticket as the SLA engine last said it."""

    ticket_id: UUID
    metric: str
    cycle: int
    state: str
    target: str
    team: str | None
    due_at: datetime | None
    expect_at: datetime | None
    at_risk_percent: int | None
    met_at: datetime | None
    waits_for: str | None
    breached_at: datetime | None
    policy_version: str
    as_of: datetime


_LOCK: Final = (
    "SELECT id, desk FROM tickets WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE"
)


async def lock(connection: asyncpg.Connection, ids: Iterable[UUID]) -> dict[UUID, str]:
    """The desks of those tickets that exist, their rows locked in the order of their ids until the
    transaction ends: two that write what belongs to a ticket come one after the other."""
    rows = await connection.fetch(_LOCK, sorted(set(ids)))
    return {UUID(int=row["id"].int): row["desk"] for row in rows}


_KEEP_TIMERS: Final = """
INSERT INTO ticket_promises AS known (ticket_id, metric, cycle, desk, timer_sequence, timer_state,
    target, team, policy_version, as_of, due_at, expect_at, at_risk_percent, met_at, waits_for)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::int[], $6::text[],
    $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::timestamptz[],
    $12::timestamptz[], $13::int[], $14::timestamptz[], $15::text[])
ON CONFLICT (ticket_id, metric, cycle) DO UPDATE SET
    timer_sequence = excluded.timer_sequence, timer_state = excluded.timer_state,
    target = excluded.target, team = excluded.team, policy_version = excluded.policy_version,
    as_of = greatest(known.as_of, excluded.as_of), due_at = excluded.due_at,
    expect_at = excluded.expect_at, met_at = excluded.met_at, waits_for = excluded.waits_for,
    at_risk_percent = CASE
        WHEN known.timer_state = 'running' AND excluded.timer_state = 'running'
            AND excluded.due_at > known.due_at THEN excluded.at_risk_percent
        ELSE coalesce(excluded.at_risk_percent, known.at_risk_percent) END
WHERE known.timer_sequence < excluded.timer_sequence
"""


async def keep_timers(connection: asyncpg.Connection, words: Sequence[TimerWord]) -> None:
    """Keep the newest words on timers, one for each promise; older ones change nothing."""
    await connection.execute(_KEEP_TIMERS, *_arrays(TimerWord, words))


_KEEP_BREACHES: Final = """
INSERT INTO ticket_promises AS known (ticket_id, metric, cycle, desk, breach_sequence, target,
    team, policy_version, as_of, due_at, breach_id, breached_at)
SELECT new.*, CASE WHEN breach_id IS NOT NULL THEN due_at END
FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::int[], $6::text[], $7::text[],
    $8::text[], $9::timestamptz[], $10::timestamptz[], $11::uuid[])
    AS new(ticket_id, metric, cycle, desk, sequence, target, team, policy_version, as_of, due_at,
        breach_id)
ON CONFLICT (ticket_id, metric, cycle) DO UPDATE SET
    breach_sequence = excluded.breach_sequence, as_of = greatest(known.as_of, excluded.as_of),
    breach_id = excluded.breach_id, breached_at = excluded.breached_at
WHERE known.breach_sequence < excluded.breach_sequence
"""


async def keep_breaches(connection: asyncpg.Connection, words: Sequence[BreachWord]) -> None:
    """Keep the newest words on breaches, one for each promise; older ones change nothing."""
    await connection.execute(_KEEP_BREACHES, *_arrays(BreachWord, words))


def _arrays(kind: type[Any], words: Sequence[Any]) -> list[list[Any]]:
    """The words' fields as a statement takes them: an array for each, in the fields' order."""
    return [[getattr(each, field.name) for each in words] for field in fields(kind)]


_OF_TICKET: Final = f"""
SELECT {", ".join(field.name for field in fields(Promise))} FROM ticket_promises
WHERE ticket_id = $1 ORDER BY state <> 'running', due_at, metric, cycle
"""  # noqa: S608 - constant names


_OF_TICKETS: Final = f"""
SELECT {", ".join(field.name for field in fields(Promise))} FROM ticket_promises
WHERE ticket_id = ANY($1::uuid[]) ORDER BY ticket_id, metric, cycle
"""  # noqa: S608 - constant names


async def of_tickets(
    connection: asyncpg.Connection, tickets: Iterable[UUID]
) -> dict[UUID, list[Promise]]:
    """The promises on each of the tickets that has any."""
    rows = await connection.fetch(_OF_TICKETS, list(tickets))
    found: dict[UUID, list[Promise]] = {}
    for row in rows:
        ticket_id = UUID(int=row["ticket_id"].int)
        found.setdefault(ticket_id, []).append(Promise(**{**row, "ticket_id": ticket_id}))
    return found


async def of_ticket(connection: asyncpg.Connection, ticket_id: UUID) -> list[Promise]:
    """The promises on a ticket: what runs first, by when it is due."""
    rows = await connection.fetch(_OF_TICKET, ticket_id)
    return [Promise(**{**row, "ticket_id": ticket_id}) for row in rows]
