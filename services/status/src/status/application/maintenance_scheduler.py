"""Starts and ends maintenances when their windows begin and end."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import asyncpg

from pledge.runtime.clock import Clock
from pledge.runtime.scheduling.due_loop import DueLoop
from status.application.incident_commands import IncidentCommands
from status.domain.page_state import PageState
from status.domain.schedule import next_due
from status.storage import store


class MaintenanceScheduler:
    """One loop per process; of several processes, the first to lock the page's row acts."""

    def __init__(self, pool: asyncpg.Pool, commands: IncidentCommands, clock: Clock) -> None:
        self._pool = pool
        self._commands = commands
        self._loop: DueLoop[UUID] = DueLoop(clock, load=self._load, fire=self._fire)

    def schedule(self, state: PageState) -> None:
        """Schedule the maintenances of a page; another process may have changed them."""
        for maintenance in state.maintenances:
            due = next_due(maintenance)
            if due is None:
                self._loop.forget(maintenance.uid)
            else:
                self._loop.schedule(due, maintenance.uid)

    async def run(self) -> None:
        """Run until cancelled."""
        await self._loop.run()

    async def _load(self, horizon: datetime, limit: int) -> Sequence[tuple[datetime, UUID]]:
        async with self._pool.acquire() as connection:
            return await store.due_maintenances(connection, horizon, limit)

    async def _fire(self, batch: Sequence[tuple[datetime, UUID]]) -> None:
        for _, uid in batch:
            await self._commands.apply_window(uid)
