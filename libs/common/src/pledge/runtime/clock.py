"""The only reader of the system clock. Everything that needs the time is given a `Clock`."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

# A sleep is cut into pieces no longer than this, so that a clock that was stepped (NTP, a
# suspended laptop) is noticed within one piece instead of at the end of a sleep of hours.
LONGEST_SLEEP = timedelta(seconds=30)


class Clock(Protocol):
    """Tells the time and waits for it."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back; only differences mean something."""
        ...

    async def sleep(self, duration: timedelta) -> None:
        """Return once `duration` has passed; at once when it is zero or negative."""
        ...

    async def sleep_until(self, instant: datetime) -> None:
        """Return at `instant` (aware) or as soon after it as the loop allows."""
        ...


class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the one place that may

    def monotonic(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return time.monotonic()  # noqa: TID251 - this is the one place that may

    async def sleep(self, duration: timedelta) -> None:
        """Sleep on the event loop for `duration`."""
        await asyncio.sleep(max(0.0, duration.total_seconds()))  # noqa: TID251

    async def sleep_until(self, instant: datetime) -> None:
        """Sleep until the wall clock reads `instant`, also when it is stepped meanwhile."""
        while (left := instant - self.now()) > timedelta(0):
            await self.sleep(min(left, LONGEST_SLEEP))


class VirtualClock:
    """A clock that moves only when told: days of waiting pass in the time the work itself takes."""

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
        """The instant at which the first sleeper wants to wake; None when nobody sleeps."""
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
