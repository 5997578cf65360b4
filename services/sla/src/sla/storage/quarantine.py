"""The table of tickets that are set aside, and what their rows in `tickets` have to do with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from pledge.runtime.cursors import Cursors
from pledge.runtime.instants import Instant, utc_text
from pledge.runtime.records import Partition
from sla.storage.rows import Wake

What = Literal["wake", "takeover", "policy"]
"""What failed: assessing the ticket when it was due, putting it under another version, or telling
what its policy promises."""

# A reason comes from an exception; it may hold a whole document.
LONGEST_REASON = 500

CURSORS = Cursors(TypeAdapter(tuple[Instant, UUID]))

# A ticket whose timers stand still keeps saying so when a takeover of it fails as well.
_INSERT = """
INSERT INTO quarantine (ticket_id, topic, partition, desk, number, what, reason, since)
SELECT ticket_id, topic, partition, desk, number, $2, $3, $4 FROM tickets WHERE ticket_id = $1
ON CONFLICT (ticket_id) DO UPDATE SET reason = excluded.reason, since = excluded.since,
    what = CASE WHEN quarantine.what = 'wake' THEN 'wake' ELSE excluded.what END,
    release_asked_at = NULL
"""


async def insert(
    connection: asyncpg.Connection, ticket_id: UUID, what: What, reason: str, now: datetime
) -> None:
    """Set a ticket aside. One that was due has no timers until its release."""
    await connection.execute(_INSERT, ticket_id, what, reason, now)
    if what == "wake":
        await _stop_timers(connection, ticket_id)


_INSERT_WAITING = """
INSERT INTO quarantine (ticket_id, topic, partition, desk, number, what, reason, since)
SELECT ticket_id, topic, partition, desk, number, 'policy', waiting.reason, $3
FROM tickets JOIN unnest($1::uuid[], $2::text[]) AS waiting(ticket_id, reason) USING (ticket_id)
ON CONFLICT (ticket_id) DO NOTHING
"""


async def insert_waiting(
    connection: asyncpg.Connection, reasons: Mapping[UUID, str], now: datetime
) -> None:
    """Set tickets aside of which nobody can tell what is promised, each with the reason.

    One that is set aside already stays so, for its own reason.
    """
    if reasons:
        shortened = [each.replace("\0", "")[:LONGEST_REASON] for each in reasons.values()]
        await connection.execute(_INSERT_WAITING, list(reasons), shortened, now)


_STOP_TIMERS = "UPDATE tickets SET wake_at = NULL WHERE ticket_id = $1"


async def _stop_timers(connection: asyncpg.Connection, ticket_id: UUID) -> None:
    await connection.execute(_STOP_TIMERS, ticket_id)


_COUNT_OTHERS = """
SELECT count(*) FROM quarantine
WHERE release_asked_at IS NULL AND ticket_id <> $1 AND what <> 'policy'
"""


async def count_others(connection: asyncpg.Connection, ticket_id: UUID) -> int:
    """How many tickets are set aside, without `ticket_id`: failing once more, it is no further.

    Those that wait for a policy are no sign of a fault of the service, however many they are.
    """
    return int(await connection.fetchval(_COUNT_OTHERS, ticket_id))


_LIST = """
SELECT * FROM quarantine WHERE desk = ANY($1::text[])
  AND ($2::timestamptz IS NULL OR (since, ticket_id) > ($2, $3::uuid))
ORDER BY since, ticket_id LIMIT $4
"""


async def list_tickets(
    connection: asyncpg.Connection, desks: Collection[str], cursor: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of the tickets set aside of these desks, oldest first, as the API gives them, and
    the cursor of the next. Raises BadCursor."""
    since, ticket_id = CURSORS.decode(cursor) if cursor is not None else (None, None)
    rows = await connection.fetch(_LIST, sorted(desks), since, ticket_id, limit + 1)
    shown, following = CURSORS.page(rows, limit, lambda row: (row["since"], row["ticket_id"]))
    items = [
        {
            "ticket_id": str(row["ticket_id"]),
            "number": row["number"],
            "desk": row["desk"],
            "what": row["what"],
            "reason": row["reason"],
            "since": utc_text(row["since"]),
            "release_asked_at": utc_text(row["release_asked_at"]),
        }
        for row in shown
    ]
    return items, following


_REQUEST_RELEASE = """
UPDATE quarantine SET release_asked_at = $3
WHERE desk = ANY($1::text[]) AND ($2::uuid[] IS NULL OR ticket_id = ANY($2))
RETURNING ticket_id
"""


async def request_release(
    connection: asyncpg.Connection,
    desks: Collection[str],
    tickets: Sequence[UUID] | None,
    now: datetime,
) -> int:
    """Request the release of these tickets, or of all of the desks'; how many there are."""
    return len(await connection.fetch(_REQUEST_RELEASE, sorted(desks), tickets, now))


_REQUESTED = """
SELECT ticket_id, topic, partition, desk FROM quarantine WHERE release_asked_at IS NOT NULL
"""


async def requested_releases(connection: asyncpg.Connection) -> list[tuple[Partition, Wake]]:
    """The tickets whose release was requested, each with its partition."""
    return [
        (Partition(row["topic"], row["partition"]), (row["ticket_id"], row["desk"]))
        for row in await connection.fetch(_REQUESTED)
    ]


_REQUEST_POLICIES = """
UPDATE quarantine SET release_asked_at = $2
WHERE what = 'policy' AND release_asked_at IS NULL AND desk <> ALL($1::text[])
"""


async def request_releases_of_policies(
    connection: asyncpg.Connection, set_aside: Collection[str], now: datetime
) -> None:
    """Request the release of what waits for a policy, except of desks that are set aside."""
    await connection.execute(_REQUEST_POLICIES, sorted(set_aside), now)


_RELEASE = """
DELETE FROM quarantine WHERE ticket_id = $1 AND release_asked_at IS NOT NULL RETURNING what
"""


async def release(connection: asyncpg.Connection, ticket_id: UUID) -> What | None:
    """Take a ticket back whose release was requested; None when another has done it."""
    found: What | None = await connection.fetchval(_RELEASE, ticket_id)
    return found


_PROMISE = "UPDATE tickets SET policy_version = $2 WHERE ticket_id = $1 AND policy_version IS NULL"


async def promise(connection: asyncpg.Connection, ticket_id: UUID, version: str) -> None:
    """Put a ticket under a version that was opened while nobody could tell what is promised."""
    await connection.execute(_PROMISE, ticket_id, version)


_WAKE = "UPDATE tickets SET wake_at = least(wake_at, $2) WHERE ticket_id = $1"


async def wake(connection: asyncpg.Connection, ticket_id: UUID, now: datetime) -> None:
    """Make a ticket due now."""
    await connection.execute(_WAKE, ticket_id, now)


_COUNTS = "SELECT desk, count(*) AS tickets FROM quarantine GROUP BY desk"


async def counts(connection: asyncpg.Connection) -> dict[str, int]:
    """How many tickets are set aside, by desk."""
    return {row["desk"]: row["tickets"] for row in await connection.fetch(_COUNTS)}
