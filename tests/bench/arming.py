"""Timers armed by SQL: rows as sla would have written them, a million in some twenty seconds.

Each ticket was opened by a mail and has one timer. `verify` has the service's own code assess some
of them and raises when a row says anything else.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import asyncpg
from pydantic_core import from_json

from bench import load
from bench.rig import CLOCK, PARTITIONS, Rig
from bench.say import say
from sla.desk_file.read import load as load_policy
from sla.domain.changes import diff
from sla.domain.facts import fact_from_event
from sla.domain.policy.policy import Policy
from sla.domain.replay.assess import assess
from sla.domain.values import PublishedState
from sla.storage import store

DESKS = Path(__file__).parent / "armed_desks"
MANY, QUIET = "many", "quiet"
ARMED = 1_000_000
# The first response to a p1 is due so long after its opening, that to any other after a month.
WITHIN = timedelta(minutes=10)
OPENED_OVER = timedelta(days=5)
SAMPLE = 200

_ARMED = """
SELECT n, ('01900000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid AS ticket_id,
    'BEN-' || n AS number, $3::timestamptz + (n - $1) * $4::interval AS opened_at
FROM generate_series($1::int8, $2::int8) AS n
"""
_TICKETS = f"""
INSERT INTO tickets (ticket_id, topic, partition, desk, number, policy_version, severity,
    is_closed, sequence, timer_sequence, breach_sequence, wake_at, cause_id, correlation_id)
SELECT ticket_id, 'ticket.events.v1', n % $5::int8, $6, number, $7, $8, false, 1, $9, 0,
    opened_at + $10::interval, ticket_id::text, ticket_id::text
FROM ({_ARMED}) AS armed
"""
_FACTS = f"""
INSERT INTO facts (ticket_id, sequence, type, occurred_at, recorded_at, data)
SELECT ticket_id, 1, 'opened', opened_at, opened_at,
    format($5, ticket_id, number,
        to_char(opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'))::json
FROM ({_ARMED}) AS armed
"""
_TIMERS = f"""
INSERT INTO timers (ticket_id, metric, cycle, desk, state, started_at, due_at, at_risk_sent,
    target, reason)
SELECT ticket_id, 'first_response', 1, $5, 'running', opened_at, opened_at + $6::interval, $7, $8,
    'opened'
FROM ({_ARMED}) AS armed
"""


@dataclass(frozen=True, slots=True)
class Kind:
    """Tickets that differ in their numbers and the instants of their opening alone."""

    desk: str
    severity: str
    first: int
    """The number of the first."""
    count: int
    opened_at: datetime
    step: timedelta
    """From one opening to the next."""
    is_warned: bool
    """Whether the warning at 75 % lies behind them."""

    @property
    def policy(self) -> Policy:
        """What is promised."""
        return load_policy(DESKS / self.desk / "sla.yaml")

    def ticket_id(self, position: int) -> UUID:
        """The id of the ticket at `position`, counted from 0."""
        return UUID(f"01900000-0000-7000-8000-{self.first + position:012x}")

    def due(self) -> dict[str, datetime]:
        """When each p1 is due, by ticket id."""
        return {
            str(self.ticket_id(n)): self.opened_at + n * self.step + WITHIN
            for n in range(self.count)
        }

    def warnings(self) -> dict[str, datetime]:
        """When each p1 is at risk, by ticket id."""
        return {own: due - WITHIN / 4 for own, due in self.due().items()}


def breaking(
    first_due: datetime, step: timedelta, count: int, *, first: int, desk: str = MANY
) -> Kind:
    """Tickets, warned of before, whose promise breaks from `first_due` on, `step` apart."""
    return Kind(desk, "p1", first, count, first_due - WITHIN, step, is_warned=True)


def warned(first_warned: datetime, step: timedelta, count: int, *, first: int, desk: str) -> Kind:
    """Tickets whose warning comes from `first_warned` on, `step` apart."""
    opened_at = first_warned - 0.75 * WITHIN
    return Kind(desk, "p1", first, count, opened_at, step, is_warned=False)


def now() -> datetime:
    """The present instant in whole milliseconds, as events write instants."""
    at = CLOCK.now()
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


async def template(rig: Rig) -> str:
    """A database with ARMED timers whose time is days ahead; made once in a run."""
    name = rig.templates.get("armed")
    if name is None:
        started = CLOCK.monotonic()
        name = rig.templates["armed"] = await rig.database("sla")
        # Opened over the last five days, one after the other.
        since = now() - OPENED_OVER
        far = Kind(MANY, "p3", 1, ARMED, since, OPENED_OVER / ARMED, is_warned=False)
        await arm(rig, name, [far])
        await _rest(rig, name)
        say(f"{ARMED:,} timers armed in {CLOCK.monotonic() - started:.0f} s")
    return name


async def arm(
    rig: Rig, database: str, kinds: Sequence[Kind], *, overdue: Collection[Kind] = ()
) -> None:
    """Write the tickets, and check that the service would have written the same.

    Those in `overdue` came due while no service ran.
    """
    connection = await asyncpg.connect(rig.server.dsn(database))
    try:
        await connection.execute("SET synchronous_commit = off")
        for kind in [*kinds, *overdue]:
            await _write(connection, kind)
            until = CLOCK.now() if kind in kinds else kind.opened_at + 0.9 * WITHIN
            await _verify(connection, kind, until)
    finally:
        await connection.close()


async def _write(connection: asyncpg.Connection, kind: Kind) -> None:
    policy = kind.policy
    event = load.opened(UUID(int=0), "NUMBER", kind.opened_at, kind.severity, desk=kind.desk)
    text = event.model_dump_json(exclude={"text"})
    (timer,) = assess([fact_from_event(from_json(text), 1)], policy).timers
    if timer.due_at is None:
        raise RuntimeError(f"{kind.desk} promises nothing for {kind.severity}")
    due_after = timer.due_at - timer.started_at
    wake_after = due_after if kind.is_warned else timer.at_risk_at[0] - timer.started_at
    sent = timer.at_risk_percents[0] if kind.is_warned else 0
    which = (kind.first, kind.first + kind.count - 1, kind.opened_at, kind.step)
    data = text.replace("%", "%%").replace(str(UUID(int=0)), "%1$s").replace("NUMBER", "%2$s")
    data = data.replace(from_json(text)["occurred_at"], "%3$s")
    await connection.execute(
        _TICKETS, *which, PARTITIONS, kind.desk, policy.version, kind.severity,
        1 + kind.is_warned, wake_after,
    )  # fmt: skip
    await connection.execute(_FACTS, *which, data)
    await connection.execute(_TIMERS, *which, kind.desk, due_after, sent, timer.target)


async def _verify(connection: asyncpg.Connection, kind: Kind, until: datetime) -> None:
    """Raises RuntimeError unless assessing tickets as of `until` finds what their rows say."""
    step = max(1, kind.count // SAMPLE)
    ids = [kind.ticket_id(n) for n in range(0, kind.count, step)]
    tickets = await store.load_tickets(connection, ids)
    if len(tickets) != len(ids):
        raise RuntimeError(f"{len(tickets)} of {len(ids)} tickets are there")
    policy = kind.policy
    for ticket in tickets.values():
        assessment = assess(ticket.facts, policy)
        found = diff(ticket.published, assessment, until)
        fresh = diff(PublishedState(), assessment, until)
        if found.changes or found.wake_at != ticket.wake_at or found.published != fresh.published:
            raise RuntimeError(f"{ticket.number} is not as sla would have left it: {found}")


async def _rest(rig: Rig, database: str) -> None:
    connection = await asyncpg.connect(rig.server.dsn(database))
    try:
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
