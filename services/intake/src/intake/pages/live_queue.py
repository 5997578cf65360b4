"""Tells open queue pages over server-sent events that something changed on their desks."""

import asyncio
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
import structlog
from fastapi.responses import StreamingResponse

from intake.storage import queue
from pledge.runtime.auth.access import Principal
from pledge.runtime.clock import Clock
from pledge.runtime.http.web.live import LivePages
from pledge.runtime.postgres.errors import is_retriable

LOOK_INTERVAL: Final = timedelta(milliseconds=500)
OVERLAP: Final = timedelta(seconds=15)
"""A row is seen when its transaction commits, this much at most after it was written."""
MOST_CHANGES: Final = 5_000
"""Of more than these in the overlap, the older ones were told of before."""

log = structlog.get_logger()


class LiveQueue:
    """Looks for changes of the queue while pages listen, whichever process made them. A browser has
    one stream, whatever the number of its pages."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, most: int) -> None:
        self._pool = pool
        self._clock = clock
        self._browsers = LivePages(clock, most=most, what="browsers")
        self._told: set[tuple[str, UUID, datetime]] | None = None

    def response(self, principal: Principal) -> StreamingResponse:
        """The stream of the principal's browser. Raises HttpProblem when there is no place for
        it."""
        return self._browsers.response(principal)

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop`."""
        await self._browsers.run(self._watch, stop)

    async def _watch(self) -> None:
        while True:
            await self._clock.sleep(LOOK_INTERVAL)
            if self._browsers.is_anyone_there:
                await self._look()
            else:
                self._told = None

    async def _look(self) -> None:
        try:
            async with self._pool.acquire() as connection:
                # By the database's clock, which wrote the instants.
                now: datetime = await connection.fetchval("SELECT clock_timestamp()")
                found = set(await queue.touched_since(connection, now - OVERLAP, MOST_CHANGES))
        except Exception as error:
            if not is_retriable(error):
                raise
            log.info("changes_of_the_queue_unseen", error=repr(error))
            return
        news, self._told = found - (self._told if self._told is not None else found), found
        self._browsers.notify(desk for desk, _, _ in news)
