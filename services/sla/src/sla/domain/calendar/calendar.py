"""Business time: adding and measuring it, each with two binary searches."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from datetime import datetime, timedelta

from sla.domain.calendar.hours import (
    Always,
    Hours,
    day_intervals,
    open_intervals,
    why_closed,
)
from sla.domain.calendar.why_open import COUNTED, why_open
from sla.domain.calendar.zones import DAY, EPOCH, MICROSECOND, from_us, to_us

YEAR = 366 * DAY
SEARCH_YEARS = 10  # within which a calendar must open
REACH_YEARS = 100  # within which a budget must be used up
DAYS_KEPT = 2000
# The bounds of the instants that events bring; compiling a calendar takes some milliseconds a year.
FIRST_US = to_us(datetime(1990, 1, 1, tzinfo=dt.UTC))
LAST_US = to_us(datetime(2200, 1, 1, tzinfo=dt.UTC))
YEARS = "1990 to 2200"
MARGIN = 2 * YEAR  # compiled beyond the first and last instant


class NeverOpens(ValueError):
    """The calendar is not open (long enough) within the years that are searched."""


class _Compiled:
    """Open intervals of `[lo, hi)` with the open time before and up to the end of each."""

    __slots__ = ("before", "closes", "hi", "lo", "opens", "until")

    def __init__(self, hours: Hours, lo: int, hi: int) -> None:
        self.lo, self.hi = lo, hi
        self.opens: list[int] = []
        self.closes: list[int] = []
        self.before: list[int] = []
        self.until: list[int] = []
        total = 0
        for opened, closed in open_intervals(hours, lo, hi):
            self.opens.append(opened)
            self.closes.append(closed)
            self.before.append(total)
            total += closed - opened
            self.until.append(total)

    def counted(self, at: int) -> int:
        """Open time in `[lo, at)`."""
        i = bisect_right(self.opens, at) - 1
        if i < 0:
            return 0
        closed = self.closes[i]
        return self.before[i] + (at if at < closed else closed) - self.opens[i]


class Calendar:
    """When time counts. Half-open: an instant of opening counts, one of closing does not.

    Compiled for the years it is asked about and extended when asked for more. Methods whose name
    ends in `_us` take and give microseconds since 1970. Instants lie in the years 1990 to 2200.
    """

    __slots__ = ("_compiled", "_days", "_keeper", "hours", "is_always", "name", "template")

    def __init__(
        self,
        name: str,
        hours: Hours,
        *,
        template: Hours | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        self.name = name
        self.hours = hours
        self.template = template  # of one that depends on the customer
        self._keeper = keeper
        self.is_always = isinstance(hours, Always)
        self._compiled = _Compiled(Always(), 0, 0)
        self._days: dict[dt.date, list[tuple[int, int]]] = {}

    def add(self, start: datetime, budget: timedelta) -> datetime:
        """The first instant at which `budget` of open time has passed since `start`.

        A budget that ends exactly at a closing ends at that closing, not at the next opening.
        Raises NeverOpens.
        """
        us = self.add_us((start - EPOCH) // MICROSECOND, budget // MICROSECOND)
        return EPOCH + timedelta(0, 0, us)

    def measure(self, start: datetime, end: datetime) -> timedelta:
        """The open time in `[start, end)`; negative when `end` is before `start`."""
        return timedelta(0, 0, self.measure_us(to_us(start), to_us(end)))

    def is_open(self, at: datetime) -> bool:
        """Whether time counts at an instant."""
        return self.is_open_us(to_us(at))

    def next_open(self, at: datetime) -> datetime:
        """The first open instant from `at` on. Raises NeverOpens when none is in ten years."""
        return from_us(self.next_open_us(to_us(at)))

    def add_us(self, start: int, budget: int) -> int:
        """See `add`. A budget of nothing ends at `start`."""
        if budget <= 0 or self.is_always:
            return start + (budget if budget > 0 else 0)
        c = self._compiled
        if not c.lo <= start < c.hi:
            c = self._cover(start, start + YEAR)
        # What `_Compiled.counted` does, written out: this is the hottest line of the service.
        i = bisect_right(c.opens, start) - 1
        target = budget
        if i >= 0:
            closed = c.closes[i]
            target += c.before[i] + (start if start < closed else closed) - c.opens[i]
        j = bisect_left(c.until, target)
        if j == len(c.until):
            return self._add_far(start, budget)
        return c.opens[j] + target - c.before[j]

    def _add_far(self, start: int, budget: int) -> int:
        years = 2
        while True:
            c = self._cover(start, min(start + years * YEAR, LAST_US + YEAR))
            target = c.counted(start) + budget
            j = bisect_left(c.until, target)
            if j < len(c.until):
                return c.opens[j] + target - c.before[j]
            if years >= REACH_YEARS:
                raise NeverOpens(f"{self.name}: not open long enough in {REACH_YEARS} years")
            years = min(years * 2, REACH_YEARS)

    def measure_us(self, start: int, end: int) -> int:
        """See `measure`."""
        if self.is_always:
            return end - start
        c = self._compiled
        if not (c.lo <= start and c.lo <= end and end <= c.hi and start <= c.hi):
            c = self._cover(min(start, end), max(start, end))
        return c.counted(end) - c.counted(start)

    def is_open_us(self, at: int) -> bool:
        """See `is_open`."""
        if self.is_always:
            return True
        c = self._compiled
        if not c.lo <= at < c.hi:
            c = self._cover(at, at + DAY)
        i = bisect_right(c.opens, at) - 1
        return i >= 0 and at < c.closes[i]

    def next_open_us(self, at: int) -> int:
        """See `next_open`."""
        if self.is_open_us(at):
            return at
        years = 1
        while True:
            c = self._cover(at, min(at + years * YEAR, LAST_US + YEAR))
            i = bisect_right(c.opens, at)
            # Compiled may be more, after other questions, than is searched.
            if i < len(c.opens) and c.opens[i] <= at + SEARCH_YEARS * YEAR:
                return c.opens[i]
            if i < len(c.opens) or years >= SEARCH_YEARS:
                raise NeverOpens(f"{self.name}: does not open within {SEARCH_YEARS} years")
            years = min(years * 3, SEARCH_YEARS)

    def stretches(self, start: int, end: int) -> list[tuple[int, int, bool, str]]:
        """`[start, end)` cut into (from, to, is open, why), in microseconds."""
        if self.is_always:
            return [(start, end, True, COUNTED)] if start < end else []
        found: list[tuple[int, int, bool, str]] = []
        at = start
        for opened, closed in open_intervals(self.hours, start, end) if start < end else ():
            if at < opened:
                found += [(a, b, False, why) for a, b, why in why_closed(self.hours, at, opened)]
            found += [(a, b, True, why) for a, b, why in why_open(self.hours, opened, closed)]
            at = closed
        if at < end:
            found += [(a, b, False, why) for a, b, why in why_closed(self.hours, at, end)]
        return found

    def day(self, day: dt.date) -> list[tuple[int, int]]:
        """The open intervals, in microseconds, that belong to a date."""
        found = self._days.get(day)
        if found is None:
            if len(self._days) >= DAYS_KEPT:
                self._days.clear()
            found = self._days[day] = day_intervals(self.hours, day)
        return found

    def _cover(self, start: int, end: int) -> _Compiled:
        """Compiled for at least `[start, end]`; grows by half a year or more at a time."""
        c = self._compiled
        if c.hi > c.lo:
            if c.lo <= start and end < c.hi:
                return c
            lo = c.lo if c.lo <= start else start - (c.hi - c.lo) // 2
            hi = c.hi if end < c.hi else end + (c.hi - c.lo) // 2
        else:
            lo, hi = start - YEAR // 4, end + YEAR // 2
        lo, hi = max(lo, FIRST_US - MARGIN), min(hi, LAST_US + MARGIN)
        if not lo <= start <= hi or not lo <= end <= hi:
            raise NeverOpens(f"{self.name}: the instant is outside the years {YEARS}")
        self._compiled = c = _Compiled(self.hours, lo, hi)
        if self._keeper is not None:
            self._keeper.keep(self)
        return c

    @property
    def is_compiled(self) -> bool:
        """Whether it holds memory for what it was asked about."""
        return self._compiled.hi > self._compiled.lo

    def forget(self) -> None:
        """Give back the memory of what was compiled; it is compiled again when it is asked for."""
        self._compiled = _Compiled(Always(), 0, 0)
        self._days.clear()


class Keeper:
    """Bounds how many calendars stay compiled: those that were compiled last."""

    __slots__ = ("_kept", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: dict[str, Calendar] = {}

    def keep(self, calendar: Calendar) -> None:
        """It was compiled; the one that was longest ago is forgotten where there are too many."""
        self._kept.pop(calendar.name, None)
        self._kept[calendar.name] = calendar
        if len(self._kept) > self._most:
            oldest = next(iter(self._kept))
            self._kept.pop(oldest).forget()


ALWAYS = Calendar("always", Always())
