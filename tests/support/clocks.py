"""A virtual clock whose reading can be set, as NTP or a person sets that of a machine."""

from __future__ import annotations

from datetime import datetime, timedelta

from pledge.runtime.clock import LONGEST_SLEEP
from pledge.runtime.testing import VirtualClock


class SteppedClock:
    """Like the machine's clock: sleepers look at the reading at least every LONGEST_SLEEP.

    `advance_to` lets time pass up to an instant of the reading; `step` changes the reading alone.
    """

    def __init__(self, start: datetime) -> None:
        self._passing = VirtualClock(start)
        self._stepped = timedelta(0)

    def now(self) -> datetime:
        """The reading."""
        return self._passing.now() + self._stepped

    def monotonic(self) -> float:
        """Seconds that have passed, whatever the reading."""
        return self._passing.monotonic()

    async def sleep(self, duration: timedelta) -> None:
        """Wait until so much time has passed."""
        await self._passing.sleep(duration)

    async def sleep_until(self, instant: datetime) -> None:
        """Wait until the reading is `instant`, also when it is stepped meanwhile."""
        while (left := instant - self.now()) > timedelta(0):
            await self.sleep(min(left, LONGEST_SLEEP))

    def step(self, by: timedelta) -> None:
        """Set the clock `by` ahead, or back; no time passes."""
        self._stepped += by

    def advance_to(self, instant: datetime) -> None:
        """Let time pass until the reading is `instant`; it must not lie in the past."""
        self._passing.advance_to(instant - self._stepped)

    def next_wake(self) -> datetime | None:
        """The reading at which the first sleeper looks again; None when nobody sleeps."""
        wake = self._passing.next_wake()
        return None if wake is None else wake + self._stepped
