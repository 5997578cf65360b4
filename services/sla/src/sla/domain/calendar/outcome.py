"""What zone and holiday data make of a calendar: the part of it that no file says."""

from __future__ import annotations

import datetime as dt
from functools import lru_cache
from typing import NamedTuple

from sla.domain.calendar.hours import AllOf, Always, AnyOf, Hours, Weekly
from sla.domain.calendar.intervals import Interval
from sla.domain.calendar.zones import pieces, to_us

HORIZON = range(2020, 2040)
"""The years that are compared. Fixed, so that nothing changes because a day has passed."""


class Outcome(NamedTuple):
    """Of weekly hours: the offsets of their zone, and the days that are not as their weekday is."""

    offsets: tuple[tuple[int, int], ...]  # since when, and what, in microseconds
    days: tuple[tuple[str, tuple[Interval, ...]], ...]


def outcomes(hours: Hours) -> list[Outcome]:
    """The outcome of each weekly part that takes anything from outside, in the file's order."""
    found: list[Outcome] = []
    for part in _weekly_parts(hours):
        outcome = Outcome(offsets_of(part.zone), _days(part))
        if any(outcome) and outcome not in found:
            found.append(outcome)
    return found


def offsets_of(zone: dt.tzinfo) -> tuple[tuple[int, int], ...]:
    """The offsets of a zone within the horizon, each with its beginning; none for a fixed one."""
    return () if isinstance(zone, dt.timezone) else _offsets(zone)


@lru_cache(maxsize=1024)
def _offsets(zone: dt.tzinfo) -> tuple[tuple[int, int], ...]:
    start = to_us(dt.datetime(HORIZON.start, 1, 1, tzinfo=dt.UTC))
    end = to_us(dt.datetime(HORIZON.stop, 1, 1, tzinfo=dt.UTC))
    return tuple((each.from_us, each.offset) for each in pieces(zone, start, end))


def _weekly_parts(hours: Hours) -> list[Weekly]:
    match hours:
        case Always():
            return []
        case Weekly():
            return [hours]
        case AnyOf(members) | AllOf(members):
            return [part for member in members for part in _weekly_parts(member)]


def _days(hours: Weekly) -> tuple[tuple[str, tuple[Interval, ...]], ...]:
    half_days = hours.half_days
    if not hours.holidays and (half_days is None or not half_days.names):
        return ()
    found: list[tuple[str, tuple[Interval, ...]]] = []
    for day in _days_that_may_differ(hours):
        windows = hours.windows(day)
        if windows != hours.week[day.weekday()]:
            found.append((day.isoformat(), windows))
    return tuple(found)


def _days_that_may_differ(hours: Weekly) -> list[dt.date]:
    """The days of the horizon, in order, that may have other hours than their weekday's."""
    first, last = dt.date(HORIZON.start, 1, 1), dt.date(HORIZON.stop, 1, 1)
    if hours.half_days is not None:
        return [first + dt.timedelta(days=number) for number in range((last - first).days)]
    found = {*hours.exceptions, *hours.dates}
    for year in HORIZON:
        for which in hours.holidays:
            found.update(which.names(year), which.worked(year))
        # 29 February is none of most years.
        days = (dt.date(year, month, 1) + dt.timedelta(days=day - 1) for month, day in hours.yearly)
        found.update(days)
    return sorted(day for day in found if first <= day < last)
