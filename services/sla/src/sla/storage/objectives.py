"""The counts of objectives: of a desk's timers, and as they were found for each period."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from sla.domain.objectives import Objective, Period, PeriodState, Standing, TimeKept


class PeriodRow(NamedTuple):
    """A row of `objective_periods`."""

    desk: str
    objective: str
    period: str
    starts_at: datetime
    ends_at: datetime
    title: str
    metric: str
    share: int
    kept: int
    missed: int
    running: int
    state: str
    was_at_risk: bool
    policy_version: str
    counted_at: datetime
    owes: int
    sequence: int
    decision: str | None = None
    decided_owes: int | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    decided_why: str | None = None

    @property
    def standing(self) -> Standing:
        """The counts of the period."""
        return Standing(self.kept, self.missed, self.running)

    @property
    def is_over(self) -> bool:
        """Whether everything in the period was decided."""
        return self.state in (PeriodState.KEPT, PeriodState.LOST)


_COLUMNS = ", ".join(PeriodRow._fields)

_LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('objectives'), hashtext($1))"


async def lock(connection: asyncpg.Connection, desk: str) -> bool:
    """Whether this transaction alone counts the desk's objectives; another process may be at it."""
    return bool(await connection.fetchval(_LOCK, desk))


async def wait_for_lock(connection: asyncpg.Connection, desk: str) -> None:
    """Wait until this transaction alone changes the counts of the desk's objectives."""
    await connection.execute(_LOCK.replace("try_", ""), desk)


# Of each period, told by the place of its start ($4; they end at $5): how many promises were due
# in it, by state. Periods need not follow each other.
_PROMISED = """
SELECT width_bucket(coalesce(due_at, 'infinity'), $4::timestamptz[]) AS place, state,
       count(*)::int AS timers
FROM timers JOIN tickets USING (ticket_id)
WHERE timers.desk = $1 AND timers.state = ANY('{met,breached,running}')
  AND coalesce(due_at, 'infinity') >= $6 AND coalesce(due_at, 'infinity') < $7
  AND due_at < ($5::timestamptz[])[width_bucket(due_at, $4::timestamptz[])]
  AND metric = $2 AND objectives @> ARRAY[$3]
GROUP BY 1, 2
"""
# What was to be done by $8 and is not done is missed; what meets it may be unread for later ones.
_EXPECTED = """
SELECT width_bucket(expect_at, $4::timestamptz[]) AS place,
       CASE WHEN met_at <= expect_at THEN 'met' WHEN met_at > expect_at OR expect_at <= $8
            THEN 'breached' ELSE 'running' END AS state,
       count(*)::int AS timers
FROM timers JOIN tickets USING (ticket_id)
WHERE timers.desk = $1 AND expect_at >= $6 AND expect_at < $7 AND expect_at IS NOT NULL
  AND expect_at < ($5::timestamptz[])[width_bucket(expect_at, $4::timestamptz[])]
  AND metric = $2 AND objectives @> ARRAY[$3] AND timers.state <> 'cancelled'
GROUP BY 1, 2
"""


async def count(
    connection: asyncpg.Connection,
    desk: str,
    objective: Objective,
    periods: Sequence[Period],
    known_until: datetime,
) -> list[Standing]:
    """The standing of an objective in each of the periods, which are in order."""
    starts, ends = [each.start for each in periods], [each.end for each in periods]
    asked = desk, objective.metric, objective.name, starts, ends
    bounds = starts[0], ends[-1]
    if objective.time is TimeKept.EXPECTED:
        rows = await connection.fetch(_EXPECTED, *asked, *bounds, known_until)
    else:
        rows = await connection.fetch(_PROMISED, *asked, *bounds)
    found = [dict.fromkeys(("met", "breached", "running"), 0) for _ in periods]
    for row in rows:
        found[row["place"] - 1][row["state"]] = row["timers"]
    return [Standing(one["met"], one["breached"], one["running"]) for one in found]


async def periods_between(
    connection: asyncpg.Connection, desks: Collection[str], since: datetime, until: datetime
) -> list[PeriodRow]:
    """The periods that end after `since` and begin by `until`, the newest first."""
    rows = await connection.fetch(
        f"SELECT {_COLUMNS} FROM objective_periods"  # noqa: S608 - constant names
        " WHERE desk = ANY($1::text[]) AND ends_at > $2 AND starts_at <= $3"
        " ORDER BY desk, ends_at DESC, objective",
        sorted(desks),
        since,
        until,
    )
    return [PeriodRow(*row) for row in rows]


_OWING = f"""
SELECT {_COLUMNS} FROM objective_periods WHERE desk = ANY($1::text[])
  AND CASE $2::text WHEN 'open' THEN state = 'lost' AND owes > 0 AND decision IS NULL
      ELSE decision = $2 END
ORDER BY ends_at DESC, desk, objective LIMIT $3
"""  # noqa: S608 - constant names


async def owing(
    connection: asyncpg.Connection, desks: Collection[str], state: str, limit: int
) -> list[PeriodRow]:
    """The periods whose credit is `open`, `confirmed` or `waived`, the newest first."""
    rows = await connection.fetch(_OWING, sorted(desks), state, limit)
    return [PeriodRow(*row) for row in rows]


async def lock_period(
    connection: asyncpg.Connection, desk: str, objective: str, period: str
) -> PeriodRow | None:
    """One period, locked until the transaction ends, or None."""
    row = await connection.fetchrow(
        f"SELECT {_COLUMNS} FROM objective_periods"  # noqa: S608 - constant names
        " WHERE desk = $1 AND objective = $2 AND period = $3 FOR UPDATE",
        desk,
        objective,
        period,
    )
    return None if row is None else PeriodRow(*row)


_KEEP = """
INSERT INTO objective_periods (desk, objective, period, starts_at, ends_at, title, metric, share,
    kept, missed, running, state, was_at_risk, policy_version, counted_at, owes, sequence)
SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::timestamptz[],
    $6::text[], $7::text[], $8::int[], $9::int[], $10::int[], $11::int[], $12::text[], $13::bool[],
    $14::text[], $15::timestamptz[], $16::int[], $17::bigint[])
ON CONFLICT (desk, objective, period) DO UPDATE SET starts_at = excluded.starts_at,
    ends_at = excluded.ends_at, title = excluded.title, metric = excluded.metric,
    share = excluded.share, kept = excluded.kept, missed = excluded.missed,
    running = excluded.running, state = excluded.state, was_at_risk = excluded.was_at_risk,
    policy_version = excluded.policy_version, counted_at = excluded.counted_at,
    owes = excluded.owes, sequence = excluded.sequence
"""
_COUNTED_COLUMNS = 17


async def keep_counts(connection: asyncpg.Connection, rows: Sequence[PeriodRow]) -> None:
    """Write what was counted; what a person decided stays."""
    if rows:
        columns = zip(*(row[:_COUNTED_COLUMNS] for row in rows), strict=True)
        await connection.execute(_KEEP, *[list(column) for column in columns])


_DECIDE = """
UPDATE objective_periods SET decision = $4, decided_owes = $5, decided_by = $6, decided_at = $7,
    decided_why = $8, sequence = $9
WHERE desk = $1 AND objective = $2 AND period = $3
"""


async def keep_decision(connection: asyncpg.Connection, row: PeriodRow) -> None:
    """Write what a person decided about what a period owes."""
    await connection.execute(
        _DECIDE, row.desk, row.objective, row.period, row.decision, row.decided_owes,
        row.decided_by, row.decided_at, row.decided_why, row.sequence,
    )  # fmt: skip
