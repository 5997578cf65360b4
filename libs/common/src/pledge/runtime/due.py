"""Waking at due instants: the next minutes in memory, the rest in the database."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Awaitable, Callable, Hashable, Sequence
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import structlog

from pledge.runtime.clock import Clock, SystemClock
from pledge.runtime.database import is_retriable
from pledge.runtime.ownership import FIRST_BACKOFF, LONGEST_BACKOFF

K = TypeVar("K", bound=Hashable)
Due = tuple[datetime, K]

log = structlog.get_logger()


class DueLoop(Generic[K]):
    """Calls `fire` with what is due, oldest first, at its instant and not by polling.

    `load(horizon, limit)` reads what is due before `horizon` from the database, earliest first, at
    most `limit` entries. `fire(batch)` gets at most `batch_limit` entries; it must look the truth
    up itself, since an entry may be stale, and may call `schedule` for what is to come again.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        load: Callable[[datetime, int], Awaitable[Sequence[Due[K]]]],
        fire: Callable[[Sequence[Due[K]]], Awaitable[None]],
        window: timedelta = timedelta(minutes=5),
        limit: int = 50_000,
        batch_limit: int = 500,
    ) -> None:
        self._clock = clock
        self._load = load
        self._fire = fire
        self._window = window
        self._limit = limit
        self._batch_limit = batch_limit
        self._due: dict[K, datetime] = {}
        self._heap: list[tuple[datetime, int, K]] = []
        self._order = itertools.count()
        self._horizon: datetime | None = None
        # More was due before the horizon than one load may bring: load again at half of it.
        self._is_truncated = False
        self._woken = asyncio.Event()

    def schedule(self, due: datetime, key: K) -> None:
        """Fire `key` at `due` instead of any earlier appointment of it."""
        if self._horizon is not None and due > self._horizon:
            # It is in the database and will be loaded when its time comes near.
            self._due.pop(key, None)
            return
        if self._due.get(key) == due:
            return
        self._put(due, key)
        if self._heap[0][0] >= due:
            self._woken.set()

    def forget(self, key: K) -> None:
        """Don't fire `key` any more."""
        self._due.pop(key, None)

    def reload(self) -> None:
        """Read the database again, e.g. after a partition came or went."""
        self._horizon = None
        self._woken.set()

    def next_due(self) -> datetime | None:
        """The earliest appointment in memory; None when there is none."""
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def __len__(self) -> int:
        """How many appointments are in memory."""
        return len(self._due)

    async def run(self) -> None:
        """Fire what is due, for ever. Faults of the database back off; others end the loop."""
        backoff = FIRST_BACKOFF
        while True:
            try:
                await self._round()
                backoff = FIRST_BACKOFF
            except Exception as error:
                if not is_retriable(error):
                    raise
                log.warning("due loop backs off", error=repr(error))
                self._horizon = None
                await SystemClock().sleep(backoff)
                backoff = min(backoff * 2, LONGEST_BACKOFF)

    async def _round(self) -> None:
        self._woken.clear()
        now = self._clock.now()
        if self._needs_refill(now):
            await self._refill(now)
        batch = self._take(now)
        if batch:
            await self._fire(batch)
        else:
            await self._sleep(now)

    def _needs_refill(self, now: datetime) -> bool:
        if self._horizon is None:
            return True
        if self._is_truncated:
            return len(self._due) <= self._limit // 2
        return now >= self._horizon - self._window / 2

    async def _refill(self, now: datetime) -> None:
        previous = self._horizon
        # Raised before the read, so that what is scheduled meanwhile is not missed.
        self._horizon = now + self._window
        try:
            loaded = await self._load(self._horizon, self._limit)
        except BaseException:
            self._horizon = previous
            raise
        for due, key in loaded:
            if key not in self._due:
                self._put(due, key)
        self._is_truncated = len(loaded) >= self._limit
        if self._is_truncated:
            self._horizon = loaded[-1][0]

    def _put(self, due: datetime, key: K) -> None:
        self._due[key] = due
        heapq.heappush(self._heap, (due, next(self._order), key))

    def _take(self, now: datetime) -> list[Due[K]]:
        batch: list[Due[K]] = []
        while len(batch) < self._batch_limit:
            due = self.next_due()
            if due is None or due > now:
                break
            _, _, key = heapq.heappop(self._heap)
            del self._due[key]
            batch.append((due, key))
        return batch

    async def _sleep(self, now: datetime) -> None:
        """Until the first appointment, the next refill, or a call of `schedule`."""
        wake_at = now + self._window / 2
        next_due = self.next_due()
        if next_due is not None:
            wake_at = min(wake_at, next_due)
        woken = asyncio.ensure_future(self._woken.wait())
        slept = asyncio.ensure_future(self._clock.sleep_until(wake_at))
        try:
            await asyncio.wait({woken, slept}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            slept.cancel()
