"""Reports: how promises were kept, when they were broken, and who parked tickets before a due time.

All of it is read from what was published, kept in the same transaction: a report never disagrees
with the breaches that downstream systems received.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from pledge.runtime.instants import utc_text
from sla.assessment.policy_registry import Policies
from sla.domain.calendar.zones import from_us
from sla.domain.replay.segments import used
from sla.domain.values import Timer
from sla.storage import reports as queries
from sla.storage import store
from sla.storage.reports import Period

DIMENSIONS = ("severity", "customer", "month")
# A pause that begins when less than this share of the promise's time is left deserves a look.
NEARLY_DUE = 0.25
PAUSED_BY = "waiting_on_customer"
# Tickets whose pauses are looked at in one go.
BATCH = 500


async def attainment(
    connection: asyncpg.Connection, period: Period, by: Sequence[str]
) -> list[dict[str, Any]]:
    """Promises that came due in the period: kept, missed, and the share that was kept.

    `by` names what to divide by beside the metric, of DIMENSIONS; months are of the desk's zone.
    What was measured without a promise counts by the instant it was done.
    """
    rows = await queries.ended_timers(
        connection,
        period,
        by_severity="severity" in by,
        by_customer="customer" in by,
        by_month="month" in by,
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
    names = ("metric", "weekday", "hour", "breaches")
    return [
        dict(zip(names, row, strict=True))
        for row in await queries.breaches_by_hour(connection, period)
    ]


async def pauses(pool: asyncpg.Pool, policies: Policies, period: Period) -> list[dict[str, Any]]:
    """Pauses for the customer that began shortly before the promise was due, by ticket and agent.

    Shortly: with less than a quarter of the promise's time left.
    """
    found: list[dict[str, Any]] = []
    last = UUID(int=0)
    while True:
        async with pool.acquire() as connection:
            ids = await queries.paused_tickets(connection, period, last, BATCH)
            if not ids:
                return found
            tickets = await store.load_tickets(connection, ids)
            await policies.fetch(connection, tickets.values())
        last = ids[-1]
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
