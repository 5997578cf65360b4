"""Looks at webhooks and their deliveries for people, and sends again what they ask for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import asyncpg

from intake.application.desk_scope import reading
from intake.storage import webhook_lists, webhooks
from intake.storage.webhook_lists import WantedDeliveries
from intake.storage.webhooks import Address
from pledge.runtime.clock import Clock

SENT_AGAIN_AT_ONCE: Final = 10_000
"""Deliveries that one request sends again."""


@dataclass(frozen=True, slots=True)
class WebhookDesk:
    """What people may see and do of webhooks."""

    pool: asyncpg.Pool
    clock: Clock
    wake: Callable[[frozenset[Address]], None]

    async def every(self, desks: frozenset[str] | None) -> list[Mapping[str, Any]]:
        """The webhooks of these desks (None: of all)."""
        async with reading(self.pool, desks) as connection:
            return await webhook_lists.every(connection, desks)

    async def deliveries(
        self, wanted: WantedDeliveries
    ) -> tuple[list[Mapping[str, Any]], int | None]:
        """The deliveries, newest first, and where the next page begins."""
        async with reading(self.pool, wanted.desks) as connection:
            found = await webhook_lists.newest(connection, wanted)
        is_last = len(found) <= wanted.limit
        found = found[: wanted.limit]
        return found, None if is_last else found[-1]["id"]

    async def send_again(self, address: Address, ids: Sequence[int], since: datetime | None) -> int:
        """Send these once more, or what was given up since then, up to a bound; how many."""
        async with self.pool.acquire() as connection, connection.transaction():
            count = await webhooks.send_again(
                connection, address, ids, since, self.clock.now(), SENT_AGAIN_AT_ONCE
            )
        self.wake(frozenset({address}))
        return count

    async def enable(self, address: Address) -> bool:
        """Send events again, from now on; whether there is such a webhook."""
        async with self.pool.acquire() as connection:
            is_known = await webhooks.enable(connection, address)
        self.wake(frozenset({address}))
        return is_known
