"""Begins and ends maintenances at the instants of their windows."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from pledge.runtime.clock import Clock
from pledge.runtime.scheduling.due_loop import DueLoop
from status.domain.pages import PageState
from status.domain.schedule import next_due
from status.incident_commands import Changes
from status.storage import store


class MaintenanceKeeper:
    """One loop per process; of several processes, the first to hold the page's row acts."""

    def __init__(self, pool: asyncpg.Pool, changes: Changes, clock: Clock) -> None:
        self._pool = pool
        self._changes = changes
        self._loop: DueLoop[UUID] = DueLoop(clock, load=self._load, fire=self._fire)

    def noticed(self, state: PageState) -> None:
        """A page was read: what it has planned may be new, or be another process's doing."""
        for maintenance in state.maintenances:
            due = next_due(maintenance)
            if due is None:
                self._loop.forget(maintenance.uid)
            else:
                self._loop.schedule(due, maintenance.uid)

    async def run(self) -> None:
        """Keep all maintenances to their windows, for ever."""
        await self._loop.run()

    async def _load(self, horizon: datetime, limit: int) -> Sequence[tuple[datetime, UUID]]:
        async with self._pool.acquire() as connection:
            return await store.due_maintenances(connection, horizon, limit)

    async def _fire(self, batch: Sequence[tuple[datetime, UUID]]) -> None:
        for _, uid in batch:
            await self._changes.keep_to_window(uid)
