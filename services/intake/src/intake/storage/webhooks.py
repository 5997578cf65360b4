"""Which events are sent to which webhooks, a function per statement.

Of a ticket's events for one webhook the earliest that is pending has a next attempt; the others
have none until it has ended, so that they come in order.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple, TypeAlias
from uuid import UUID

import asyncpg

State: TypeAlias = Literal["pending", "delivered", "given_up"]


class Address(NamedTuple):
    """A webhook of a desk."""

    desk: str
    name: str


class Addressed(NamedTuple):
    """An event for a webhook."""

    desk: str
    webhook: str
    ticket_id: UUID
    sequence: int
    event_id: str
    type: str


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is this process's for a while. ``body`` is None if the event is gone."""

    id: int
    ticket_id: UUID
    sequence: int
    event_id: str
    type: str
    attempts: int
    tried_from: datetime
    occurred_at: datetime | None
    body: str | None


@dataclass(frozen=True, slots=True)
class Ended:
    """What became of an attempt: at the end, or when the next one is."""

    state: State
    at: datetime
    next_attempt_at: datetime | None = None
    reason: str | None = None
    detail: str | None = None


# ---- the webhooks ----

_REGISTER: Final = """
INSERT INTO webhooks AS known (desk, name, url, since) VALUES ($1, $2, $3, $4)
ON CONFLICT (desk, name) DO UPDATE SET url = $3, disabled_at = NULL, disabled_because = NULL
    WHERE known.url <> $3
"""
_REMOVE_OTHERS: Final = """
DELETE FROM webhooks WHERE desk = ANY($1::text[])
    AND (desk, name) NOT IN (SELECT * FROM unnest($2::text[], $3::text[]))
RETURNING desk, name
"""
_GIVE_UP_ALL: Final = """
UPDATE webhook_deliveries SET state = 'given_up', next_attempt_at = NULL, ended_at = $3, reason = $4
WHERE desk = $1 AND webhook = $2 AND state = 'pending'
"""


async def register(
    connection: asyncpg.Connection,
    desks: Collection[str],
    urls: Sequence[tuple[Address, str]],
    now: datetime,
) -> None:
    """Know these webhooks of these desks and no others; one with another address is enabled."""
    for address, url in urls:
        await connection.execute(_REGISTER, *address, url, now)
    names = [each.desk for each, _ in urls], [each.name for each, _ in urls]
    for row in await connection.fetch(_REMOVE_OTHERS, sorted(desks), *names):
        await connection.execute(_GIVE_UP_ALL, row["desk"], row["name"], now, "removed")


async def taking(connection: asyncpg.Connection) -> dict[Address, datetime]:
    """The webhooks that are not disabled, and from when on they get events."""
    rows = await connection.fetch(
        "SELECT desk, name, since FROM webhooks WHERE disabled_at IS NULL"
    )
    return {Address(row["desk"], row["name"]): row["since"] for row in rows}


async def disable(
    connection: asyncpg.Connection, address: Address, because: str, now: datetime
) -> int:
    """Send nothing more, and give up what is pending. How many that were."""
    await connection.execute(
        "UPDATE webhooks SET disabled_at = $3, disabled_because = $4"
        " WHERE desk = $1 AND name = $2 AND disabled_at IS NULL",
        *address, now, because,
    )  # fmt: skip
    done = await connection.execute(_GIVE_UP_ALL, *address, now, because)
    return int(done.rpartition(" ")[2])


async def enable(connection: asyncpg.Connection, address: Address) -> bool:
    """Send events again, from now on; whether there is such a webhook."""
    done = await connection.execute(
        "UPDATE webhooks SET disabled_at = NULL, disabled_because = NULL"
        " WHERE desk = $1 AND name = $2",
        *address,
    )
    return bool(done.endswith(" 1"))


# ---- deliveries ----

_LOCK_FIRST: Final = """
SELECT FROM webhook_deliveries
WHERE (desk, webhook, ticket_id) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[]))
    AND state = 'pending' AND next_attempt_at IS NOT NULL
ORDER BY desk, webhook, ticket_id, sequence FOR UPDATE
"""
_ADD: Final = """
INSERT INTO webhook_deliveries
    (desk, webhook, ticket_id, sequence, event_id, type, created_at, tried_from)
SELECT *, $7, $7
FROM unnest($1::text[], $2::text[], $3::uuid[], $4::int[], $5::text[], $6::text[])
ON CONFLICT (desk, webhook, ticket_id, sequence) DO NOTHING
"""
_LET_GO: Final = """
UPDATE webhook_deliveries AS delivery SET next_attempt_at = $4
FROM (
    SELECT DISTINCT ON (desk, webhook, ticket_id) desk, webhook, ticket_id, sequence
    FROM webhook_deliveries
    WHERE (desk, webhook, ticket_id) IN (SELECT * FROM unnest($1::text[], $2::text[], $3::uuid[]))
        AND state = 'pending'
    ORDER BY desk, webhook, ticket_id, sequence
) AS first
WHERE delivery.desk = first.desk AND delivery.webhook = first.webhook
    AND delivery.ticket_id = first.ticket_id AND delivery.sequence = first.sequence
    AND delivery.next_attempt_at IS NULL
"""


async def add(connection: asyncpg.Connection, rows: Sequence[Addressed], now: datetime) -> None:
    """Remember that these events are to be sent; those that are known stay as they are.

    Whoever ends a ticket's first delivery holds its lock: either this waits and then finds none, or
    the other waits and then finds these.
    """
    keys = sorted({(each.desk, each.webhook, each.ticket_id) for each in rows})
    desks, names, tickets = (list(column) for column in zip(*keys, strict=True))
    await connection.execute(_LOCK_FIRST, desks, names, tickets)
    await connection.execute(_ADD, *(list(column) for column in zip(*rows, strict=True)), now)
    await connection.execute(_LET_GO, desks, names, tickets, now)


_CLAIM: Final = """
UPDATE webhook_deliveries AS delivery SET attempts = attempts + 1, next_attempt_at = $4
FROM (
    SELECT id FROM webhook_deliveries
    WHERE desk = $1 AND webhook = $2 AND state = 'pending' AND next_attempt_at <= $3
        AND EXISTS (SELECT FROM webhooks
                    WHERE webhooks.desk = $1 AND name = $2 AND disabled_at IS NULL)
    ORDER BY next_attempt_at LIMIT $5 FOR UPDATE SKIP LOCKED
) AS due
WHERE delivery.id = due.id
RETURNING delivery.id, ticket_id, sequence, event_id, type, attempts, tried_from
"""
_BODIES: Final = """
SELECT ticket_id, sequence, occurred_at, data::text AS body FROM facts
WHERE (ticket_id, sequence) IN (SELECT * FROM unnest($1::uuid[], $2::int[]))
"""


async def claim(
    pool: asyncpg.Pool, address: Address, now: datetime, until: datetime, limit: int
) -> list[Claimed]:
    """Take deliveries that are due, for this process alone until the instant."""
    async with pool.acquire() as connection, connection.transaction():
        rows = await connection.fetch(_CLAIM, *address, now, until, limit)
        if not rows:
            return []
        found = await connection.fetch(
            _BODIES, [row["ticket_id"] for row in rows], [row["sequence"] for row in rows]
        )
    facts = {
        (row["ticket_id"], row["sequence"]): (row["occurred_at"], row["body"]) for row in found
    }
    return [_claimed(row, *facts.get(_place(row), (None, None))) for row in rows]


def _place(row: asyncpg.Record) -> tuple[UUID, int]:
    return row["ticket_id"], row["sequence"]


def _claimed(row: asyncpg.Record, occurred_at: datetime | None, body: str | None) -> Claimed:
    values = {**row, "ticket_id": UUID(int=row["ticket_id"].int)}
    return Claimed(**values, occurred_at=occurred_at, body=body)


_RECORD: Final = """
UPDATE webhook_deliveries SET state = $3, next_attempt_at = $4, ended_at = $5, reason = $6,
    detail = $7
WHERE id = $1 AND attempts = $2 AND state = 'pending'
RETURNING desk, webhook, ticket_id
"""


async def record(connection: asyncpg.Connection, claimed: Claimed, ended: Ended) -> bool:
    """Keep what became of an attempt, and let the ticket's next event go once it has ended.
    Whether it counts: another process may have taken it over."""
    is_last = ended.state != "pending"
    row = await connection.fetchrow(
        _RECORD, claimed.id, claimed.attempts, ended.state, ended.next_attempt_at,
        ended.at if is_last else None, ended.reason, ended.detail,
    )  # fmt: skip
    if row is not None and is_last:
        keys = [row["desk"]], [row["webhook"]], [row["ticket_id"]]
        await connection.execute(_LET_GO, *keys, ended.at)
    return row is not None


_NEXT_DUE: Final = """
SELECT min(next_attempt_at) FROM webhook_deliveries
WHERE desk = $1 AND webhook = $2 AND state = 'pending'
    AND EXISTS (SELECT FROM webhooks
                WHERE webhooks.desk = $1 AND name = $2 AND disabled_at IS NULL)
"""


async def next_due(pool: asyncpg.Pool, address: Address) -> datetime | None:
    """When the webhook's next attempt is due; None: nothing is, or it is disabled."""
    found: datetime | None = await pool.fetchval(_NEXT_DUE, *address)
    return found


_SEND_AGAIN: Final = """
UPDATE webhook_deliveries AS delivery SET state = 'pending', attempts = 0, tried_from = $5,
    next_attempt_at = NULL, ended_at = NULL
FROM (
    SELECT id FROM webhook_deliveries WHERE desk = $1 AND webhook = $2 AND state <> 'pending'
        AND (id = ANY($3::bigint[]) OR (state = 'given_up' AND created_at >= $4))
    ORDER BY id LIMIT $6 FOR UPDATE
) AS chosen
WHERE delivery.id = chosen.id
RETURNING delivery.ticket_id
"""


async def send_again(
    connection: asyncpg.Connection,
    address: Address,
    ids: Sequence[int],
    since: datetime | None,
    now: datetime,
    limit: int,
) -> int:
    """Send these once more, or what was given up since then; how many they are."""
    rows = await connection.fetch(_SEND_AGAIN, *address, list(ids), since, now, limit)
    tickets = sorted({row["ticket_id"] for row in rows})
    count = len(tickets)
    keys = [address.desk] * count, [address.name] * count, tickets
    await connection.execute(_LET_GO, *keys, now)
    return len(rows)


_REMOVE: Final = """
DELETE FROM webhook_deliveries WHERE id IN (
    SELECT id FROM webhook_deliveries ORDER BY id LIMIT $2
) AND created_at < $1
"""


async def remove_old(pool: asyncpg.Pool, before: datetime, limit: int) -> int:
    """Remove the oldest from before the instant, so many at most; how many they were."""
    done = await pool.execute(_REMOVE, before, limit)
    return int(done.rpartition(" ")[2])
