"""A clock that moves only when a test moves it, and ids that repeat."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import random  # noqa: TID251 - repeatable on purpose
from datetime import UTC, datetime, timedelta
from uuid import UUID

from pledge.runtime.clock import Clock
from pledge.runtime.ids import uuid7


class VirtualClock:
    """A clock that a test moves: days of waiting pass in no time."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a virtual clock starts at an aware instant, e.g. with tzinfo=UTC")
        self._start = start.astimezone(UTC)
        self._now = self._start
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        """The instant the clock was moved to, in UTC."""
        return self._now

    def monotonic(self) -> float:
        """Virtual seconds since the clock was made."""
        return (self._now - self._start).total_seconds()

    async def sleep(self, duration: timedelta) -> None:
        """Wait until the clock was moved `duration` ahead."""
        await self.sleep_until(self._now + duration)

    async def sleep_until(self, instant: datetime) -> None:
        """Wait until the clock was moved to `instant` or past it."""
        if instant <= self._now:
            # Yield to the loop, as a real sleep of nothing does.
            await asyncio.sleep(0)  # noqa: TID251
            return
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (instant, next(self._order), waiter))
        await waiter

    def next_wake(self) -> datetime | None:
        """The instant at which the first sleeper wants to wake; None without one."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def advance_to(self, instant: datetime) -> None:
        """Move the clock to `instant` and wake, in order of their time, all who slept until then.

        Raises ValueError when `instant` lies in the clock's past.
        """
        if instant < self._now:
            raise ValueError(f"the virtual clock reads {self._now}, it can't go back to {instant}")
        self._now = instant.astimezone(UTC)
        while (wake := self.next_wake()) is not None and wake <= self._now:
            _, _, waiter = heapq.heappop(self._sleepers)
            waiter.set_result(None)


class SeededIds:
    """The same ids for the same seed and clock: for tests, never for secrets."""

    def __init__(self, clock: Clock, seed: int) -> None:
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose

    def new(self) -> UUID:
        """A UUIDv7 of the clock's present millisecond and the seed's next bits."""
        return uuid7(int(self._clock.now().timestamp() * 1000), self._random.getrandbits(74))

    def token(self, size: int) -> str:
        """`size` bytes of the seed's stream, as hexadecimal text."""
        return self._random.randbytes(size).hex()

    def jitter(self) -> float:
        """The seed's next number in [0, 1)."""
        return self._random.random()
