"""The table of deliveries: insertion, claims, outcomes.

Each SQL text is next to the one function that uses it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from notify.domain.delivery import Delivery
from notify.storage.rows import About, Draft, envelope_as_json, envelope_from_json

DELIVERY_STATES = ("pending", "delivered", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Claim:
    """How a new delivery enters: claimed by a worker, or waiting for one."""

    next_attempt_at: datetime
    attempts: int
    claimed_by: int | None


_INSERT_DELIVERIES = """
INSERT INTO deliveries SELECT * FROM jsonb_populate_recordset(NULL::deliveries, $1::jsonb)
ON CONFLICT (id) DO NOTHING RETURNING id
"""
# Not `state = 'pending'`, which the indexes of what waits have as their condition: while statistics
# are of a quieter hour they seem small, and are read whole.
_CANCEL = """
WITH unsent AS (
    SELECT id FROM deliveries
    WHERE page_id = ANY($1::uuid[]) AND state NOT IN ('delivered', 'failed', 'cancelled')
    ORDER BY id FOR UPDATE
)
UPDATE deliveries SET state = 'cancelled', next_attempt_at = NULL, claimed_by = NULL,
    finished_at = $2
FROM unsent WHERE deliveries.id = unsent.id
"""
_MAILED_LATELY = """
SELECT target, count(*) AS mails FROM deliveries
WHERE is_automatic AND target = ANY($1::text[]) AND created_at > $2 AND desk = $3 GROUP BY target
"""


def delivery_row(draft: Draft, claim: Claim, now: datetime) -> dict[str, Any]:
    """A new row of `deliveries`, by column."""
    return {
        "id": draft.id,
        "desk": draft.desk,
        "lane": draft.lane,
        "channel": draft.channel,
        "kind": draft.kind,
        "target": draft.target,
        "about": draft.about.as_json(),
        "page_id": draft.page_id,
        "content": draft.content,
        "context": draft.context,
        "cause": envelope_as_json(draft.cause),
        "is_automatic": draft.is_automatic,
        "state": "pending",
        "next_attempt_at": claim.next_attempt_at,
        "attempts": claim.attempts,
        "claimed_by": claim.claimed_by,
        "created_at": now,
    }


async def insert_deliveries(
    connection: asyncpg.Connection, rows: Sequence[Mapping[str, Any]]
) -> set[UUID]:
    """Write new deliveries; the ids of those that were not there yet."""
    if not rows:
        return set()
    found = await connection.fetch(_INSERT_DELIVERIES, list(rows))
    return {row["id"] for row in found}


async def cancel_unsent(
    connection: asyncpg.Connection, page_ids: Sequence[UUID], now: datetime
) -> None:
    """Cancel the deliveries of these pages that are not sent yet."""
    if page_ids:
        await connection.execute(_CANCEL, list(page_ids), now)


async def mailed_lately(
    connection: asyncpg.Connection, desk: str, addresses: Sequence[str], since: datetime
) -> dict[str, int]:
    """How many automatic mails of the desk each address has got since then.

    Partitions worked on side by side don't see each other's last mails: the brake stops loops,
    which come one by one, and need not be exact to the mail.
    """
    rows = await connection.fetch(_MAILED_LATELY, list(addresses), since, desk)
    return {row["target"]: row["mails"] for row in rows}


# -- claims and outcomes --------------------------------------------------------------------------

# Lanes are few and deliveries may be many: hop from lane to lane along the index.
_LANES_DUE = """
WITH RECURSIVE lanes AS (
    (SELECT lane FROM deliveries WHERE state = 'pending' ORDER BY lane LIMIT 1)
    UNION ALL
    SELECT (SELECT deliveries.lane FROM deliveries
            WHERE state = 'pending' AND deliveries.lane > lanes.lane ORDER BY lane LIMIT 1)
    FROM lanes WHERE lanes.lane IS NOT NULL
)
SELECT lanes.lane, first.due FROM lanes CROSS JOIN LATERAL (
    SELECT min(next_attempt_at) AS due FROM deliveries
    WHERE state = 'pending' AND deliveries.lane = lanes.lane
) AS first
WHERE lanes.lane IS NOT NULL AND first.due < $1 ORDER BY first.due LIMIT $2
"""
_CLAIM = """
WITH picked AS (
    SELECT one.id FROM unnest($1::text[], $2::int[]) AS wanted(lane, room)
    CROSS JOIN LATERAL (
        SELECT id FROM deliveries
        WHERE state = 'pending' AND deliveries.lane = wanted.lane AND next_attempt_at <= $3
        ORDER BY next_attempt_at LIMIT wanted.room FOR UPDATE SKIP LOCKED
    ) AS one
)
UPDATE deliveries SET attempts = attempts + 1, next_attempt_at = $4, claimed_by = $5
FROM picked WHERE deliveries.id = picked.id
RETURNING deliveries.id, desk, lane, channel, target, content, attempts,
    created_at
"""
_NEXT_DUE = """
SELECT lane, min(next_attempt_at) AS due FROM deliveries
WHERE state = 'pending' AND lane = ANY($1::text[]) GROUP BY lane
"""
_ABANDONED = """
UPDATE deliveries SET next_attempt_at = $1, claimed_by = NULL
WHERE id IN (
    SELECT id FROM deliveries
    WHERE state = 'pending' AND claimed_by IS NOT NULL AND claimed_by <> $2 AND NOT EXISTS (
        SELECT FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 2
            AND classid = $3::int8::oid AND objid = claimed_by::int8::oid
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
    FOR UPDATE SKIP LOCKED
)
RETURNING id
"""


async def lanes_due(
    pool: asyncpg.Pool, horizon: datetime, limit: int
) -> list[tuple[datetime, str]]:
    """Each lane with its earliest attempt, if that is before the horizon."""
    rows = await pool.fetch(_LANES_DUE, horizon, limit)
    return [(row["due"], row["lane"]) for row in rows]


async def claim_deliveries(
    pool: asyncpg.Pool,
    room: Mapping[str, int],
    *,
    now: datetime,
    lease_until: datetime,
    worker: int | None,
) -> list[Delivery]:
    """Take what is due, at most `room[lane]` of each lane, oldest first; no other worker
    gets it until the lease ends."""
    rows = await pool.fetch(_CLAIM, list(room), list(room.values()), now, lease_until, worker)
    return [Delivery(**dict(row.items())) for row in rows]


async def next_due(pool: asyncpg.Pool, lanes: Sequence[str]) -> dict[str, datetime]:
    """The earliest attempt of each lane that has one."""
    rows = await pool.fetch(_NEXT_DUE, list(lanes))
    return {row["lane"]: row["due"] for row in rows}


async def release_abandoned(
    pool: asyncpg.Pool, *, worker: int, lock_space: int, now: datetime
) -> int:
    """Release the deliveries of dead workers: their advisory lock went with their process."""
    rows = await pool.fetch(_ABANDONED, now, worker, lock_space)
    return len(rows)


@dataclass(frozen=True, slots=True)
class Attempted:
    """A delivery after an attempt: its row is to become this."""

    id: UUID
    attempts: int  # of the claim: a later claim of the same delivery is left alone
    leased_until: datetime  # of the claim: shows that its outcome was not recorded yet
    state: str
    next_attempt_at: datetime | None
    reason: str | None
    detail: str
    finished_at: datetime | None


# A claim that outlived its lease may be another worker's by now: then only a success counts.
# The lease also shows an outcome that was recorded already, when the answer to that was lost or a
# stop came in between: it must not be published a second time.
_RECORD = """
WITH locked AS (
    SELECT deliveries.id FROM deliveries
    JOIN jsonb_to_recordset($1::jsonb) AS new(id uuid) ON new.id = deliveries.id
    ORDER BY deliveries.id FOR UPDATE OF deliveries
)
UPDATE deliveries SET state = new.state, next_attempt_at = new.next_attempt_at, claimed_by = NULL,
    reason = new.reason, detail = new.detail, finished_at = new.finished_at
FROM jsonb_to_recordset($1::jsonb) AS new(
    id uuid, attempts int, leased_until timestamptz, state text, next_attempt_at timestamptz,
    reason text, detail text, finished_at timestamptz
), locked
WHERE deliveries.id = new.id AND locked.id = new.id AND (
    (deliveries.state = 'pending' AND deliveries.attempts = new.attempts
        AND deliveries.next_attempt_at = new.leased_until)
    OR (new.state = 'delivered' AND deliveries.state <> 'delivered')
)
RETURNING deliveries.id, desk, lane, channel, kind, target, about, page_id, content, context,
    cause, is_automatic
"""


async def record_attempts(
    connection: asyncpg.Connection, attempts: Sequence[Attempted]
) -> dict[UUID, Draft]:
    """Write outcomes; gives those that counted, with what their events need."""
    rows = await connection.fetch(
        _RECORD,
        [
            {
                "id": each.id,
                "attempts": each.attempts,
                "leased_until": each.leased_until,
                "state": each.state,
                "next_attempt_at": each.next_attempt_at,
                "reason": each.reason,
                "detail": each.detail,
                "finished_at": each.finished_at,
            }
            for each in attempts
        ],
    )
    return {row["id"]: _draft(row) for row in rows}


def _draft(row: Mapping[str, Any]) -> Draft:
    return Draft(
        id=row["id"],
        desk=row["desk"],
        lane=row["lane"],
        channel=row["channel"],
        kind=row["kind"],
        target=row["target"],
        about=About.from_json(row["about"]),
        content=row["content"],
        context=row["context"],
        cause=envelope_from_json(row["cause"]),
        page_id=row["page_id"],
        is_automatic=row["is_automatic"],
    )


# -- calls ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Call:
    """A delivery that is a call, and how often it was tried."""

    draft: Draft
    attempts: int


_FIND_CALL = """
SELECT id, desk, lane, channel, kind, target, about, page_id, content, context, cause,
    is_automatic, attempts
FROM deliveries WHERE id = $1 AND desk = $2 AND channel = 'voice'
"""
_NOTE_CALL = """
INSERT INTO calls (delivery_id, call_id, outcome, told_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (delivery_id, call_id) DO NOTHING RETURNING true
"""


async def find_call(connection: asyncpg.Connection, desk: str, delivery_id: UUID) -> Call | None:
    """One of the desk's calls; None if there is none of this id."""
    row = await connection.fetchrow(_FIND_CALL, delivery_id, desk)
    return Call(_draft(row), max(row["attempts"], 1)) if row else None


async def note_call(
    connection: asyncpg.Connection, delivery_id: UUID, call_id: str, outcome: str, now: datetime
) -> bool:
    """Record the outcome of a call; whether it is new."""
    return bool(await connection.fetchval(_NOTE_CALL, delivery_id, call_id, outcome, now))
