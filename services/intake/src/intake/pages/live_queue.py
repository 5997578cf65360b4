"""Tells open queue pages over server-sent events that something changed on their desks."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg

from intake.storage import queue
from pledge.runtime.auth.access import Principal
from pledge.runtime.clock import Clock
from pledge.runtime.observability import logs
from pledge.runtime.postgres.errors import is_retriable

LOOK_INTERVAL: Final = timedelta(milliseconds=500)
OVERLAP: Final = timedelta(seconds=15)
"""A row is seen when its transaction commits, this much at most after it was written."""
MOST_CHANGES: Final = 5_000
"""Of more than these in the overlap, the older ones were told of before."""
HEARTBEAT_SECONDS: Final = 15.0
"""A quiet stream says so, or proxies cut it and a browser does not notice a dead connection."""
MOST_OF_ONE: Final = 20
"""One person's streams; a browser has one, whatever the number of its pages."""

log = logs.get(__name__)


class TooManyStreams(Exception):
    """No further stream is served now; the page works without one, and may ask again later."""


@dataclass(frozen=True, slots=True, eq=False)
class _Listener:
    subject: str
    may: Callable[[str], bool]
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class LiveQueue:
    """Looks for changes of the queue while pages listen, whichever process made them."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, most: int) -> None:
        self._pool = pool
        self._clock = clock
        self._most = most
        self._listeners: set[_Listener] = set()
        self._told: set[tuple[str, UUID, datetime]] | None = None
        self._is_stopped = False

    async def run(self, stop: asyncio.Event) -> None:
        """Watch until `stop`. Streams end at once then, or open pages would hold up the stop of
        the process."""
        tasks = {asyncio.ensure_future(self._watch()), asyncio.ensure_future(stop.wait())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            for each in tasks:
                each.cancel()
            self._is_stopped = True
            for listener in self._listeners:
                listener.woken.set()

    async def _watch(self) -> None:
        while True:
            await self._clock.sleep(LOOK_INTERVAL)
            if self._listeners:
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
        changed = {desk for desk, _, _ in news}
        for each in self._listeners:
            if any(map(each.may, changed)):
                each.woken.set()

    def check_room(self, principal: Principal) -> None:
        """Raises TooManyStreams when there is no place for another stream of the principal."""
        if len(self._listeners) >= self._most:
            raise TooManyStreams(f"as many pages are open as are served live: {self._most}")
        if sum(each.subject == principal.subject for each in self._listeners) >= MOST_OF_ONE:
            raise TooManyStreams(f"you have {MOST_OF_ONE} browsers open; close one of them")

    async def stream(self, principal: Principal) -> AsyncGenerator[bool, None]:
        """True when something has changed, False when nothing has for a while; until the stop."""
        with self._listening(principal) as woken:
            while not self._is_stopped:
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await woken.wait()
                has_changed = woken.is_set()
                woken.clear()
                if not self._is_stopped:
                    yield has_changed

    @contextmanager
    def _listening(self, principal: Principal) -> Iterator[asyncio.Event]:
        listener = _Listener(principal.subject, principal.may)
        self._listeners.add(listener)
        try:
            yield listener.woken
        finally:
            self._listeners.discard(listener)
