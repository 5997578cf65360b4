"""Live board over server-sent events: notifies open boards of changes on their desks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta

import asyncpg
import structlog
from fastapi.responses import StreamingResponse

from pledge.runtime.auth.access import Principal
from pledge.runtime.clock import Clock
from pledge.runtime.http.web.live import LivePages
from pledge.runtime.postgres.errors import is_retriable
from sla.storage import queries

# Other processes of this service publish too: they are polled at this interval, so that a board
# shows their changes within a second, whichever process the browser is connected to.
LOOK_INTERVAL = timedelta(milliseconds=500)

log = structlog.get_logger()


class LiveUpdates:
    """Notifies listening boards, at once of this process's changes and soon of other processes'.

    At most `most` boards; each is notified for the desks that its user may see. A change by another
    process is not known by desk: it notifies all, and each board fetches its own rows.
    """

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, most: int) -> None:
        self._pool = pool
        self._clock = clock
        self._boards = LivePages(clock, most=most, what="boards")

    def notify(self, desks: Iterable[str]) -> None:
        """Something was committed on `desks`, which is read only while boards listen."""
        self._boards.notify(desks)

    def response(self, principal: Principal) -> StreamingResponse:
        """The stream of the principal's board. Raises HttpProblem when there is no place for it."""
        return self._boards.response(principal)

    async def run(self, stop: asyncio.Event) -> None:
        """Watch for changes of other processes, while boards listen, until `stop`."""
        await self._boards.run(self._watch_outbox, stop)

    async def _watch_outbox(self) -> None:
        latest: int | None = None
        while True:
            await self._clock.sleep(LOOK_INTERVAL)
            if not self._boards.is_anyone_there:
                latest = None
                continue
            seen = await self._read_latest(latest)
            if seen != latest and latest is not None:
                self._boards.notify_all()
            latest = seen

    async def _read_latest(self, latest: int | None) -> int | None:
        try:
            async with self._pool.acquire() as connection:
                return await queries.latest_outbox_id(connection)
        except Exception as error:
            if not is_retriable(error):
                raise
            log.info("changes_of_other_processes_unseen", error=repr(error))
            return latest
