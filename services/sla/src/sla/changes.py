"""Tells the boards that are open in browsers that something was published."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import asyncpg
import structlog

from pledge.runtime.clock import Clock
from pledge.runtime.database import is_retriable

# Other processes of this service publish too: their work is noticed at this interval.
LOOK_INTERVAL = timedelta(seconds=1)
# A quiet stream says so, or proxies would cut it.
HEARTBEAT_SECONDS = 15.0

# Every published event takes the outbox's next number, whichever process writes it.
_LATEST = "SELECT last_value FROM outbox_id_seq"

log = structlog.get_logger()


class Changes:
    """Wakes whoever listens, at once for this process's work and soon for that of others."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._listeners: set[asyncio.Event] = set()
        self._is_over = False

    def tell(self) -> None:
        """Something was committed just now."""
        for listener in self._listeners:
            listener.set()

    async def run(self) -> None:
        """Look for the work of other processes, while anybody listens."""
        latest: int | None = None
        try:
            while True:
                await self._clock.sleep(LOOK_INTERVAL)
                if not self._listeners:
                    latest = None
                    continue
                seen = await self._look(latest)
                if seen != latest and latest is not None:
                    self.tell()
                latest = seen
        finally:
            # Streams end now, so that no browser holds up the stop of the process.
            self._is_over = True
            self.tell()

    async def stream(self) -> AsyncIterator[bool]:
        """True when something has changed, False when nothing has for a while; until the stop."""
        with self._listening() as listener:
            while not self._is_over:
                has_changed = False
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await listener.wait()
                        has_changed = True
                listener.clear()
                if not self._is_over:
                    yield has_changed

    async def _look(self, latest: int | None) -> int | None:
        try:
            async with self._pool.acquire() as connection:
                return int(await connection.fetchval(_LATEST))
        except Exception as error:
            if not is_retriable(error):
                raise
            log.info("changes of other processes are not seen", error=repr(error))
            return latest

    @contextmanager
    def _listening(self) -> Iterator[asyncio.Event]:
        listener = asyncio.Event()
        self._listeners.add(listener)
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
