"""Live board over server-sent events: notifies open boards of changes on their desks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg
import structlog

from pledge.runtime.auth.access import Principal
from pledge.runtime.clock import Clock
from pledge.runtime.postgres.errors import is_retriable
from sla.storage import queries

# Other processes of this service publish too: they are polled at this interval, so that a board
# shows their changes within a second, whichever process the browser is connected to.
LOOK_INTERVAL = timedelta(milliseconds=500)
# A quiet stream says so, or proxies would cut it and browsers would not notice a dead connection.
HEARTBEAT_SECONDS = 15.0
# One person's open boards. A forgotten script that opens streams must not take everybody's.
MOST_OF_ONE = 20

log = structlog.get_logger()


class TooManyBoards(Exception):
    """No further stream is served now; the board works without one, and may ask again later."""


@dataclass(frozen=True, slots=True, eq=False)
class _Listener:
    subject: str
    may: Callable[[str], bool]
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class LiveUpdates:
    """Notifies listening boards, at once of this process's changes and soon of other processes'.

    At most `most` boards; each is notified for the desks that its user may see. A change by another
    process is not known by desk: it notifies all, and each board fetches its own rows.
    """

    def __init__(self, pool: asyncpg.Pool, clock: Clock, *, most: int) -> None:
        self._pool = pool
        self._clock = clock
        self._most = most
        self._listeners: set[_Listener] = set()
        self._is_stopped = False

    def notify(self, desks: Iterable[str]) -> None:
        """Something was committed on `desks`, which is read only while boards listen."""
        if not self._listeners:
            return
        changed = frozenset(desks)
        for listener in self._listeners:
            if any(map(listener.may, changed)):
                listener.woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        """Watch for changes of other processes, while boards listen, until `stop`.

        Streams end at once then, or open browsers would hold up the stop of the process.
        """
        tasks = {asyncio.ensure_future(self._watch_outbox()), asyncio.ensure_future(stop.wait())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for each in done:
                each.result()
        finally:
            for each in tasks:
                each.cancel()
            self._is_stopped = True
            self._wake_all()

    async def _watch_outbox(self) -> None:
        latest: int | None = None
        while True:
            await self._clock.sleep(LOOK_INTERVAL)
            if not self._listeners:
                latest = None
                continue
            seen = await self._read_latest(latest)
            if seen != latest and latest is not None:
                self._wake_all()
            latest = seen

    def check_room(self, principal: Principal) -> None:
        """Raises TooManyBoards when there is no place for another stream of `principal`."""
        if len(self._listeners) >= self._most:
            raise TooManyBoards(f"as many boards are open as are served live: {self._most}")
        own = sum(each.subject == principal.subject for each in self._listeners)
        if own >= MOST_OF_ONE:
            raise TooManyBoards(f"you have {own} boards open; close one of them")

    async def stream(self, principal: Principal) -> AsyncGenerator[bool, None]:
        """True when something has changed, False when nothing has for a while; until the stop."""
        with self._listening(principal) as woken:
            while not self._is_stopped:
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await woken.wait()
                # Not whether the wait ended in time: it may be woken as its time runs out.
                has_changed = woken.is_set()
                woken.clear()
                if not self._is_stopped:
                    yield has_changed

    async def _read_latest(self, latest: int | None) -> int | None:
        try:
            async with self._pool.acquire() as connection:
                return await queries.latest_outbox_id(connection)
        except Exception as error:
            if not is_retriable(error):
                raise
            log.info("changes_of_other_processes_unseen", error=repr(error))
            return latest

    def _wake_all(self) -> None:
        for listener in self._listeners:
            listener.woken.set()

    @contextmanager
    def _listening(self, principal: Principal) -> Iterator[asyncio.Event]:
        listener = _Listener(principal.subject, principal.may)
        self._listeners.add(listener)
        try:
            yield listener.woken
        finally:
            self._listeners.discard(listener)
