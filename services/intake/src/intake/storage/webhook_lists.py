"""Webhooks and their deliveries, as they are listed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import asyncpg

from intake.storage.webhooks import State

_WEBHOOKS: Final = """
SELECT *,
    (SELECT count(*) FROM webhook_deliveries AS delivery WHERE delivery.desk = webhooks.desk
        AND webhook = name AND state = 'pending') AS pending,
    (SELECT count(*) FROM webhook_deliveries AS delivery WHERE delivery.desk = webhooks.desk
        AND webhook = name AND state = 'given_up') AS given_up
FROM webhooks WHERE $1::text[] IS NULL OR desk = ANY($1) ORDER BY desk, name
"""
_DELIVERIES: Final = """
SELECT delivery.*, tickets.number AS ticket_number
FROM webhook_deliveries AS delivery LEFT JOIN tickets ON tickets.id = ticket_id
WHERE ($1::text[] IS NULL OR delivery.desk = ANY($1)) AND ($2::text IS NULL OR webhook = $2)
    AND ($3::text IS NULL OR delivery.state = $3) AND ($4::bigint IS NULL OR delivery.id < $4)
ORDER BY delivery.id DESC LIMIT $5
"""


@dataclass(frozen=True, slots=True)
class WantedDeliveries:
    """Which deliveries are asked for; ``desks`` None: of all desks."""

    desks: frozenset[str] | None
    webhook: str | None = None
    state: State | None = None
    before: int | None = None
    limit: int = 50


async def every(
    connection: asyncpg.Connection, desks: frozenset[str] | None
) -> list[Mapping[str, Any]]:
    """The webhooks of these desks, with how many deliveries are pending and were given up."""
    return list(await connection.fetch(_WEBHOOKS, None if desks is None else sorted(desks)))


async def newest(
    connection: asyncpg.Connection, wanted: WantedDeliveries
) -> list[Mapping[str, Any]]:
    """The deliveries, newest first; one more than the limit, if there are so many."""
    desks = None if wanted.desks is None else sorted(wanted.desks)
    return list(
        await connection.fetch(
            _DELIVERIES, desks, wanted.webhook, wanted.state, wanted.before, wanted.limit + 1
        )
    )
