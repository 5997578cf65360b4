"""Queries of the reports: how promises ended, when they were broken, which tickets were paused.

All of it is read from what was published, kept in the same transaction. PostgreSQL counts by
stretches of UTC; which month, weekday and hour that is in a zone, our own zone data says.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from uuid import UUID

import asyncpg

from sla.domain.local_time import months, stretches, weekday_and_hour

# Counted in one go: at most so many hours of each metric are held, however long the period is.
_YEAR = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class Period:
    """What a report is about: one desk, from `start` up to, but without, `end`."""

    desk: str
    start: datetime
    end: datetime
    zone: tzinfo = UTC


_ATTAINMENT = """
SELECT metric,
       CASE WHEN $5::bool THEN coalesce(severity, '') END AS severity,
       CASE WHEN $6::bool THEN coalesce(customer, '') END AS customer,
       ($7::text[])[width_bucket(coalesce(due_at, met_at), $4::timestamptz[])] AS month,
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


async def ended_timers(
    connection: asyncpg.Connection,
    period: Period,
    *,
    by_severity: bool,
    by_customer: bool,
    by_month: bool,
) -> list[asyncpg.Record]:
    """Counts of the promises that came due in the period, by metric and what else is wanted.

    What was measured without a promise counts by the instant it was done.
    """
    begun = months(period.zone, period.start, period.end) if by_month else []
    found: list[asyncpg.Record] = await connection.fetch(
        _ATTAINMENT,
        period.desk,
        period.start,
        period.end,
        [start for start, _ in begun],
        by_severity,
        by_customer,
        [month for _, month in begun],
    )
    return found


# `hours` counts whole hours on the wall clock since 1970.
_BREACHES = """
SELECT metric,
       floor((extract(epoch FROM due_at) + ($5::int[])[width_bucket(due_at, $4::timestamptz[])])
             / 3600)::bigint AS hours,
       count(*) AS breaches
FROM breaches
WHERE desk = $1 AND due_at >= $2 AND due_at < $3 AND retracted_at IS NULL
GROUP BY 1, 2
"""


async def breaches_by_hour(
    connection: asyncpg.Connection, period: Period
) -> list[tuple[str, int, int, int]]:
    """(metric, weekday, hour, count) of breaches not retracted, by when they were due.

    Weekday (1 is Monday) and hour are those of the period's zone.
    """
    counted: Counter[tuple[str, int, int]] = Counter()
    start = period.start
    while start < period.end:
        end = min(start + _YEAR, period.end)
        offsets = stretches(period.zone, start, end)
        rows = await connection.fetch(
            _BREACHES,
            period.desk,
            start,
            end,
            [each.start for each in offsets],
            [each.offset for each in offsets],
        )
        for row in rows:
            counted[row["metric"], *weekday_and_hour(row["hours"])] += row["breaches"]
        start = end
    return [(*place, count) for place, count in sorted(counted.items())]


_PAUSED = """
SELECT DISTINCT ticket_id FROM facts JOIN tickets USING (ticket_id)
WHERE facts.type = 'waiting_on_customer' AND occurred_at >= $2 AND occurred_at < $3
  AND desk = $1 AND ticket_id > $4
ORDER BY ticket_id LIMIT $5
"""


async def paused_tickets(
    connection: asyncpg.Connection, period: Period, after: UUID, limit: int
) -> list[UUID]:
    """The next tickets, by id, that began to wait for the customer in the period."""
    rows = await connection.fetch(_PAUSED, period.desk, period.start, period.end, after, limit)
    return [row["ticket_id"] for row in rows]


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


async def ratios(
    connection: asyncpg.Connection, desks: Iterable[str], start: datetime, end: datetime
) -> dict[tuple[str, str], float]:
    """By desk and metric, the share of promises due in the period that was kept."""
    rows = await connection.fetch(_RATIOS, sorted(desks), start, end)
    return {(row["desk"], row["metric"]): row["kept"] / row["ended"] for row in rows}
