"""The only reader of the system clock. Everything that needs the time is given a `Clock`."""

from __future__ import annotations

import asyncio
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
