"""Reports: how promises were kept, when they were broken, and who parked tickets before a due time.

All of it is read from what was published, kept in the same transaction: a report never disagrees
with the breaches that downstream systems were told.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from pledge.runtime.instants import utc_text
from sla.assessment.policy_registry import Policies
from sla.domain.calendar.zones import from_us
from sla.domain.model import Timer
from sla.domain.replay.segments import used
from sla.storage import store

DIMENSIONS = ("severity", "customer", "month")
# A pause that begins when less than this share of the promise's time is left deserves a look.
NEARLY_DUE = 0.25
PAUSED_BY = "waiting_on_customer"
# Tickets whose pauses are looked at in one go.
BATCH = 500

_ATTAINMENT = """
SELECT metric,
       CASE WHEN $5::bool THEN coalesce(severity, '') END AS severity,
       CASE WHEN $6::bool THEN coalesce(customer, '') END AS customer,
       CASE WHEN $7::bool
            THEN to_char(coalesce(due_at, met_at) AT TIME ZONE $4::text, 'YYYY-MM') END AS month,
       count(*) FILTER (WHERE state = 'met' AND due_at IS NOT NULL) AS kept,
       count(*) FILTER (WHERE state = 'breached') AS missed,
       count(*) FILTER (WHERE due_at IS NULL) AS measured,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM met_at - started_at))
           FILTER (WHERE state = 'met') AS median_seconds
FROM (
    SELECT * FROM timers WHERE desk = $1 AND state = 'met'
       AND coalesce(due_at, 'infinity') >= $2 AND coalesce(due_at, 'infinity') < $3
    UNION ALL
    SELECT * FROM timers WHERE desk = $1 AND state = 'breached'
       AND coalesce(due_at, 'infinity') >= $2 AND coalesce(due_at, 'infinity') < $3
    UNION ALL
    SELECT * FROM timers WHERE desk = $1 AND state = 'met'
       AND coalesce(due_at, 'infinity') = 'infinity' AND met_at >= $2 AND met_at < $3
) AS ended
JOIN tickets USING (ticket_id)
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
_BREACHES = """
SELECT metric, extract(isodow FROM due_at AT TIME ZONE $4::text)::int AS weekday,
       extract(hour FROM due_at AT TIME ZONE $4::text)::int AS hour, count(*) AS breaches
FROM breaches
WHERE desk = $1 AND due_at >= $2 AND due_at < $3 AND retracted_at IS NULL
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_PAUSED = """
SELECT DISTINCT ticket_id FROM facts JOIN tickets USING (ticket_id)
WHERE facts.type = 'waiting_on_customer' AND occurred_at >= $2 AND occurred_at < $3
  AND desk = $1 AND ticket_id > $4
ORDER BY ticket_id LIMIT $5
"""
_RATIOS = """
SELECT desk, metric, count(*) FILTER (WHERE state = 'met') AS kept, count(*) AS ended
FROM unnest($1::text[]) AS wanted(name)
CROSS JOIN unnest(ARRAY['met', 'breached']) AS final(outcome)
CROSS JOIN LATERAL (
    SELECT desk, metric, state FROM timers
    WHERE desk = wanted.name AND state = final.outcome
      AND coalesce(due_at, 'infinity') >= $2 AND coalesce(due_at, 'infinity') < $3
) AS timers
GROUP BY desk, metric
"""


@dataclass(frozen=True, slots=True)
class Period:
    """What a report is about: one desk, from `start` up to, but without, `end`."""

    desk: str
    start: datetime
    end: datetime
    zone: tzinfo = UTC


async def attainment(
    connection: asyncpg.Connection, period: Period, by: Sequence[str]
) -> list[dict[str, Any]]:
    """Promises that came due in the period: kept, missed, and the share that was kept.

    `by` names what to divide by beside the metric, of DIMENSIONS; months are of the desk's zone.
    What was measured without a promise counts by the instant it was done.
    """
    rows = await connection.fetch(
        _ATTAINMENT,
        period.desk,
        period.start,
        period.end,
        postgres_zone(period.zone, period.start),
        *(each in by for each in DIMENSIONS),
    )
    return [_attained(row, by) for row in rows]


def _attained(row: asyncpg.Record, by: Sequence[str]) -> dict[str, Any]:
    ended = row["kept"] + row["missed"]
    median = row["median_seconds"]
    return {
        "metric": row["metric"],
        **{each: row[each] for each in DIMENSIONS if each in by},
        "kept": row["kept"],
        "missed": row["missed"],
        "attainment": round(row["kept"] / ended, 4) if ended else None,
        "measured": row["measured"],
        "median_seconds": round(float(median), 3) if median is not None else None,
    }


async def breaches_by_hour(connection: asyncpg.Connection, period: Period) -> list[dict[str, Any]]:
    """Breaches not retracted, by weekday (1 is Monday) and hour of being due, desk's zone."""
    zone = postgres_zone(period.zone, period.start)
    rows = await connection.fetch(_BREACHES, period.desk, period.start, period.end, zone)
    return [dict(row) for row in rows]


async def ratios(
    connection: asyncpg.Connection, desks: Iterable[str], start: datetime, end: datetime
) -> dict[tuple[str, str], float]:
    """By desk and metric, the share of promises due in the period that was kept."""
    rows = await connection.fetch(_RATIOS, sorted(desks), start, end)
    return {(row["desk"], row["metric"]): row["kept"] / row["ended"] for row in rows}


async def pauses(pool: asyncpg.Pool, policies: Policies, period: Period) -> list[dict[str, Any]]:
    """Pauses for the customer that began shortly before the promise was due, by ticket and agent.

    Shortly: with less than a quarter of the promise's time left.
    """
    found: list[dict[str, Any]] = []
    last = UUID(int=0)
    while True:
        async with pool.acquire() as connection:
            rows = await connection.fetch(
                _PAUSED, period.desk, period.start, period.end, last, BATCH
            )
            if not rows:
                return found
            tickets = await store.load_tickets(connection, [row["ticket_id"] for row in rows])
            await policies.fetch(connection, tickets.values())
        last = rows[-1]["ticket_id"]
        for ticket in tickets.values():
            versioned = policies.versioned(ticket)
            if versioned is not None:
                for timer in versioned.assessment.timers:
                    found += _parked(ticket.number, timer, period)


def _parked(number: str, timer: Timer, period: Period) -> Iterable[dict[str, Any]]:
    if not timer.budget:
        return
    for began_us, ended_us, _, paused_by, who in timer.spans:
        began_at = from_us(began_us)
        if paused_by != PAUSED_BY or not period.start <= began_at < period.end:
            continue
        left = timer.budget - used(timer, began_at)
        if timedelta(0) <= left < timer.budget * NEARLY_DUE:
            ended_at = None if ended_us is None else from_us(ended_us)
            yield _pause(number, timer, who, began_at, ended_at, left)


def _pause(
    number: str,
    timer: Timer,
    who: str,
    began_at: datetime,
    ended_at: datetime | None,
    left: timedelta,
) -> dict[str, Any]:
    return {
        "agent": who,
        "number": number,
        "metric": timer.metric,
        "paused_at": utc_text(began_at),
        "resumed_at": utc_text(ended_at),
        "left_seconds": left.total_seconds(),
        "target": timer.target,
    }


def postgres_zone(zone: tzinfo, at: datetime) -> str:
    """A zone as PostgreSQL names it. Of a fixed offset, its sign is the other way round there."""
    if isinstance(zone, ZoneInfo):
        return zone.key
    offset = zone.utcoffset(at) or timedelta(0)
    sign = "-" if offset >= timedelta(0) else "+"
    minutes = abs(offset) // timedelta(minutes=1)
    return f"<fixed>{sign}{minutes // 60:02}:{minutes % 60:02}"
