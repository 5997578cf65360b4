"""Reads the delivery ledger, and removes entries that are old."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import asyncpg

from intake.application.desk_scope import reading
from intake.storage import ledger
from intake.storage.ledger import Shown, Wanted
from pledge.runtime.clock import Clock
from pledge.runtime.observability import logs
from pledge.runtime.retry import retry_while_away

AT_ONCE: Final = 2_000
"""Entries removed by one statement, within some milliseconds."""
PAUSE: Final = timedelta(milliseconds=100)
LOOK_AGAIN: Final = timedelta(hours=1)

log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class DeliveryLedger:
    """The ledger in the database; entries are kept for so long."""

    pool: asyncpg.Pool
    clock: Clock
    keep_for: timedelta

    async def page(self, wanted: Wanted) -> tuple[list[Shown], int | None]:
        """The entries that are asked for, newest first, and where the next page begins."""
        async with reading(self.pool, wanted.desks) as connection:
            found = await ledger.newest(connection, wanted)
        is_last = len(found) <= wanted.limit
        found = found[: wanted.limit]
        return found, None if is_last else found[-1].id

    async def run(self) -> None:
        """Remove old entries until cancelled, few at a time."""
        while True:
            removed = await retry_while_away(
                self._remove,
                on_retry=lambda error: log.warning("ledger_waits_for_database", error=repr(error)),
            )
            await self.clock.sleep(PAUSE if removed == AT_ONCE else LOOK_AGAIN)

    async def _remove(self) -> int:
        async with self.pool.acquire() as connection:
            return await ledger.remove_old(connection, self.clock.now() - self.keep_for, AT_ONCE)
