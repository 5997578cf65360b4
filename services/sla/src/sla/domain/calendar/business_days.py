"""Due instants in business days: which day, and when on it. Instants in microseconds.

A business day is a date on which the calendar opens. Where the promise has a `closing`, that
calendar's zone names the day, and its first opening and last closing begin and end it; where it is
shut all that day, the calendar's own. Breaks are part of the day.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from sla.domain.calendar.calendar import SEARCH_YEARS, Calendar, NeverOpens
from sla.domain.calendar.hours import EPOCH_DAY, local_day, zone_of
from sla.domain.calendar.zones import DAY, offset_at, pieces

ONE_DAY = dt.timedelta(days=1)


class BusinessDay(NamedTuple):
    """Which business day after a start, and when on it: at its close, unless said otherwise."""

    days: int  # 0 is the same day
    time_us: int | None = None  # from midnight, by the wall clock
    is_same_time: bool = False  # at the time of the start, within the hours of that day
    is_from_opening: bool = False  # outside hours the start counts as the next opening


def due_us(wanted: BusinessDay, start: int, calendar: Calendar, closing: Calendar) -> int:
    """When a promise falls due that was begun at `start`. Raises NeverOpens."""
    day = due_day(wanted, start, calendar, closing)
    if wanted.is_same_time:
        return _same_time(day, start, calendar, closing)
    return _on(day, wanted, calendar, closing)


def due_day(wanted: BusinessDay, start: int, calendar: Calendar, closing: Calendar) -> dt.date:
    """The business day on which it falls due. Raises NeverOpens.

    What is due on the same day, at an instant that is not after the start, is due on the next.
    """
    day = day_at(start, closing)
    if wanted.is_same_time or wanted.is_from_opening:
        day, start = received(start, calendar, closing)
    is_today = wanted.days == 0 and span(day, calendar, closing) is not None
    if is_today and _on(day, wanted, calendar, closing) > start:
        return day
    return next_day(day, max(wanted.days, 1), calendar, closing)


def received(start: int, calendar: Calendar, closing: Calendar) -> tuple[dt.date, int]:
    """The business day on which something counts as received, and the instant: `start` itself
    during a business day, else the next opening. Raises NeverOpens."""
    day = local_day(closing.hours, start) - ONE_DAY  # windows may cross midnight
    for _ in range(SEARCH_YEARS * 366):
        hours = span(day, calendar, closing)
        if hours is not None and start < hours[1]:
            return day, max(start, hours[0])
        day += ONE_DAY
    raise NeverOpens(f"{calendar.name}: has no business day in {SEARCH_YEARS} years")


def next_day(day: dt.date, count: int, calendar: Calendar, closing: Calendar) -> dt.date:
    """The `count`-th business day after a date. Raises NeverOpens."""
    for _ in range(SEARCH_YEARS * 366):
        day += ONE_DAY
        if span(day, calendar, closing) is not None:
            count -= 1
            if count == 0:
                return day
    raise NeverOpens(f"{calendar.name}: has too few business days in {SEARCH_YEARS} years")


def span(day: dt.date, calendar: Calendar, closing: Calendar) -> tuple[int, int] | None:
    """The first opening and the last closing of a business day; None for any other date."""
    opened = calendar.day(day)
    if not opened:
        return None
    hours = closing.day(day) or opened
    return hours[0][0], hours[-1][1]


def wall_clock_us(zone: dt.tzinfo, local: int) -> int:
    """The first instant at which the clock shows `local` (microseconds since 1970) or later.

    Of an hour that is repeated the first; for a time that is skipped, the instant of the change.
    """
    found = local
    for start, end, offset in pieces(zone, local - DAY, local + DAY):
        found = max(start, local - offset)
        if found < end:
            break
    return found


def midnight_us(day: dt.date) -> int:
    """Midnight of a date by the wall clock, in microseconds since 1970."""
    return (day.toordinal() - EPOCH_DAY) * DAY


def day_at(start: int, closing: Calendar) -> dt.date:
    """The date at an instant; a window across midnight belongs to the day on which it opened."""
    day = local_day(closing.hours, start)
    before = day - ONE_DAY
    return before if any(a <= start < b for a, b in closing.day(before)) else day


def _on(day: dt.date, wanted: BusinessDay, calendar: Calendar, closing: Calendar) -> int:
    if wanted.time_us is not None:
        return wall_clock_us(zone_of(closing.hours), midnight_us(day) + wanted.time_us)
    hours = span(day, calendar, closing)
    return hours[1] if hours is not None else midnight_us(day)


def _same_time(day: dt.date, start: int, calendar: Calendar, closing: Calendar) -> int:
    """The time of the start on `day`, within its hours."""
    zone = zone_of(closing.hours)
    first, at = received(start, calendar, closing)
    opens, closes = span(day, calendar, closing) or (at, at)
    time_of_day = at + offset_at(zone, at) - midnight_us(first)
    return min(max(wall_clock_us(zone, midnight_us(day) + time_of_day), opens), closes)
