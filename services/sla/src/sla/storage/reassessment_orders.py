"""Orders to put the open tickets of a desk under another policy version, as the database has them.

An order lists its tickets when it is given. Owners of partitions take theirs from the list in the
transaction that re-assesses them, so that each is done once, whoever is killed in between.

A process that does not know the order yet may still open tickets under an earlier version. So each
owner acknowledges the order for its partitions; when all have and nothing is left, open tickets are
listed once more, and the order is finished when that finds none.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from pledge.runtime.instants import utc_text
from pledge.runtime.records import Partition
from sla.storage.tickets_of_desk import IS_OPEN

# Orders of one desk are given one after the other: "reassess" in ASCII.
_LOCK = 0x7265617373657373
# Listing the open tickets among very many takes a while; it holds nobody up.
LISTING_TIMEOUT = timedelta(minutes=10)

_UNDER_WAY = """
SELECT reassessment_id, desk, version, reason FROM reassessments WHERE finished_at IS NULL
ORDER BY reassessment_id
"""
_LATEST = """
SELECT * FROM reassessments WHERE desk = $1 AND ($2::text IS NULL OR version = $2)
ORDER BY reassessment_id DESC LIMIT 1
"""
_REPLACE = """
UPDATE reassessments SET finished_at = $2, is_replaced = true
WHERE desk = $1 AND reason = $3 AND finished_at IS NULL RETURNING reassessment_id
"""
_EMPTY = "DELETE FROM reassessment_tickets WHERE reassessment_id = ANY($1::bigint[])"
_CREATE = """
INSERT INTO reassessments (desk, version, ordered_at, ordered_by, tickets, reason)
VALUES ($1, $2, $3, $4, 0, $5) RETURNING reassessment_id
"""
_LIST = f"""
INSERT INTO reassessment_tickets (reassessment_id, topic, partition, ticket_id)
SELECT $1, topic, partition, ticket_id FROM tickets
WHERE desk = $2 AND policy_version IS DISTINCT FROM $3 AND {IS_OPEN}
  -- Those under a version that came later stay, and those that were tried.
  AND NOT EXISTS (
    SELECT FROM policy_versions AS later
    WHERE later.desk = $2 AND later.version = policy_version AND later.effective_from > (
        SELECT max(effective_from) FROM policy_versions WHERE desk = $2 AND version = $3))
  AND NOT ($4 AND EXISTS (
    SELECT FROM quarantine WHERE quarantine.ticket_id = tickets.ticket_id))
"""  # noqa: S608 - a condition of our own
_LIST_OUTDATED = f"""
INSERT INTO reassessment_tickets (reassessment_id, topic, partition, ticket_id)
SELECT $1, topic, partition, ticket_id FROM tickets
WHERE desk = $2 AND policy_version = ANY($3::text[]) AND {IS_OPEN}
  AND NOT ($4 AND EXISTS (
    SELECT FROM quarantine WHERE quarantine.ticket_id = tickets.ticket_id))
"""  # noqa: S608 - a condition of our own
_COUNT_LISTED = "UPDATE reassessments SET tickets = tickets + $2 WHERE reassessment_id = $1"
_NEXT = """
SELECT ticket_id FROM reassessment_tickets
WHERE reassessment_id = $1 AND topic = $2 AND partition = $3 AND ticket_id > $4
ORDER BY ticket_id LIMIT $5
"""
_REMOVE_DONE = """
DELETE FROM reassessment_tickets
WHERE reassessment_id = $1 AND topic = $2 AND partition = $3 AND ticket_id = ANY($4::uuid[])
"""
_COUNT = """
INSERT INTO reassessment_counts (reassessment_id, topic, partition, what, count)
SELECT $1, $2, $3, * FROM unnest($4::text[], $5::int[])
ON CONFLICT (reassessment_id, topic, partition, what)
DO UPDATE SET count = reassessment_counts.count + excluded.count
"""
_IS_WORKED_OFF = """
SELECT EXISTS (SELECT FROM reassessments WHERE reassessment_id = $1 AND finished_at IS NULL)
  AND NOT EXISTS (SELECT FROM reassessment_tickets WHERE reassessment_id = $1)
  AND NOT EXISTS (
    SELECT FROM consumed WHERE NOT EXISTS (
        SELECT FROM reassessment_counts AS counted
        WHERE counted.reassessment_id = $1 AND counted.topic = consumed.topic
          AND counted.partition = consumed.partition AND counted.what = 'heard'))
"""
_FINISH = "UPDATE reassessments SET finished_at = $2 WHERE reassessment_id = $1"
_RELIST = """
WITH latest AS (
    SELECT reassessment_id, version FROM reassessments
    WHERE desk = $2 AND reason = 'policy_changed'
    ORDER BY reassessment_id DESC LIMIT 1
), listed AS (
    INSERT INTO reassessment_tickets (reassessment_id, topic, partition, ticket_id)
    SELECT reassessment_id, topic, partition, ticket_id FROM tickets CROSS JOIN latest
    WHERE ticket_id = $1 AND policy_version IS DISTINCT FROM version
      AND NOT EXISTS (
        SELECT FROM policy_versions AS later
        WHERE later.desk = $2 AND later.version = tickets.policy_version
          AND later.effective_from > (
            SELECT max(effective_from) FROM policy_versions
            WHERE desk = $2 AND version = latest.version))
    ON CONFLICT DO NOTHING RETURNING reassessment_id
)
UPDATE reassessments SET finished_at = NULL, tickets = tickets + 1 FROM listed
WHERE reassessments.reassessment_id = listed.reassessment_id
"""
_COUNTS = """
SELECT what, sum(count)::int AS count FROM reassessment_counts
WHERE reassessment_id = $1 GROUP BY what ORDER BY what
"""

# Of tickets; all else that is counted is what became of timers.
DONE, CHANGED, SET_ASIDE = "done", "changed", "set_aside"
# Why tickets are put under another version: somebody ordered it; or zone or holiday data changed,
# and each goes on under the newest revision of its own version.
BY_ORDER, BY_CALENDARS = "policy_changed", "calendar_data_changed"
ORDERED_BY_ITSELF = "sla"
# Of a partition: its owner opens no more tickets under an earlier version.
ACKNOWLEDGED = "heard"


@dataclass(frozen=True, slots=True)
class Order:
    """An order that is under way."""

    id: int
    desk: str
    version: str
    reason: str


async def under_way(connection: asyncpg.Connection) -> list[Order]:
    """The orders that are not finished, oldest first."""
    rows = await connection.fetch(_UNDER_WAY)
    return [Order(*row) for row in rows]


async def create(
    connection: asyncpg.Connection, desk: str, version: str, by: str, now: datetime
) -> bool:
    """Order that the desk's open tickets be put under `version`; whether that is a new order.

    The same order given twice is one. It replaces one for another version that is under way.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        if any(
            each.version == version and each.reason == BY_ORDER
            for each in await _of(connection, desk)
        ):
            return False
        order = await _create(connection, desk, version, BY_ORDER, by, now)
        await _list(connection, order, (), is_again=False)
        return True


async def create_for_revisions(
    connection: asyncpg.Connection,
    desk: str,
    version: str,
    outdated: Collection[str],
    now: datetime,
) -> None:
    """Order that the desk's tickets that are open under `outdated` versions go on under the newest
    revision of each. `version` is the one in force."""
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        order = await _create(connection, desk, version, BY_CALENDARS, ORDERED_BY_ITSELF, now)
        await _list(connection, order, outdated, is_again=False)


async def _create(
    connection: asyncpg.Connection, desk: str, version: str, reason: str, by: str, now: datetime
) -> Order:
    replaced = await connection.fetch(_REPLACE, desk, now, reason)
    await connection.execute(_EMPTY, [row["reassessment_id"] for row in replaced])
    own_id = await connection.fetchval(_CREATE, desk, version, now, by, reason)
    return Order(own_id, desk, version, reason)


async def _list(
    connection: asyncpg.Connection, order: Order, outdated: Collection[str], *, is_again: bool
) -> int:
    """Put the open tickets under earlier versions on the list; how many there are."""
    seconds = LISTING_TIMEOUT.total_seconds()
    await connection.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
    await connection.execute("SET LOCAL enable_seqscan = on")
    statement: str = _LIST
    versions: str | list[str] = order.version
    if order.reason == BY_CALENDARS:
        statement, versions = _LIST_OUTDATED, list(outdated)
    tag = await connection.execute(
        statement, order.id, order.desk, versions, is_again, timeout=seconds
    )
    found = int(tag.rpartition(" ")[2])
    await connection.execute(_COUNT_LISTED, order.id, found)
    return found


async def _of(connection: asyncpg.Connection, desk: str) -> list[Order]:
    return [each for each in await under_way(connection) if each.desk == desk]


async def next_tickets(
    connection: asyncpg.Connection, order: Order, home: Partition, after: UUID, limit: int
) -> list[UUID]:
    """The next tickets of a partition that are still to be done, in the order of their ids."""
    rows = await connection.fetch(_NEXT, order.id, home.topic, home.number, after, limit)
    return [row["ticket_id"] for row in rows]


async def mark_done(
    connection: asyncpg.Connection,
    order: Order,
    home: Partition,
    tickets: Sequence[UUID],
    counts: Mapping[str, int],
) -> None:
    """Take tickets off the list and count them, in the transaction that re-assessed them."""
    await connection.execute(_REMOVE_DONE, order.id, home.topic, home.number, tickets)
    await connection.execute(
        _COUNT, order.id, home.topic, home.number, list(counts), list(counts.values())
    )


async def acknowledge(connection: asyncpg.Connection, order: Order, home: Partition) -> None:
    """Record that a partition's owner opens tickets under the order's version from now on, in a
    transaction after everything that was opened otherwise."""
    await connection.execute(_COUNT, order.id, home.topic, home.number, [ACKNOWLEDGED], [1])


async def finish(
    connection: asyncpg.Connection, order: Order, outdated: Collection[str], now: datetime
) -> bool:
    """Close an order of which nothing is left; False when tickets were found that had come late.

    `outdated` are the versions of its desk that have a newer revision.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        if not await connection.fetchval(_IS_WORKED_OFF, order.id):
            return True
        if await _list(connection, order, outdated, is_again=True):
            return False
        await connection.execute(_FINISH, order.id, now)
        return True


async def relist(connection: asyncpg.Connection, ticket_id: UUID, desk: str) -> None:
    """Put a ticket that was set aside back on the list of the desk's latest order."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
    await connection.execute(_RELIST, ticket_id, desk)


async def progress(
    connection: asyncpg.Connection, desk: str, version: str | None = None
) -> dict[str, Any] | None:
    """How far the desk's latest order is, as the API gives it; None when there was none."""
    row = await connection.fetchrow(_LATEST, desk, version)
    if row is None:
        return None
    counts = {
        each["what"]: each["count"]
        for each in await connection.fetch(_COUNTS, row["reassessment_id"])
    }
    counts.pop(ACKNOWLEDGED, None)
    state = "running" if row["finished_at"] is None else "done"
    return {
        "desk": desk,
        "policy_version": row["version"],
        "reason": row["reason"],
        "state": "replaced" if row["is_replaced"] else state,
        "ordered_at": utc_text(row["ordered_at"]),
        "ordered_by": row["ordered_by"],
        "finished_at": utc_text(row["finished_at"]),
        "tickets": row["tickets"],
        "done_tickets": counts.pop(DONE, 0),
        "affected_tickets": counts.pop(CHANGED, 0),
        "tickets_set_aside": counts.pop(SET_ASIDE, 0),
        "counts": counts,
    }
