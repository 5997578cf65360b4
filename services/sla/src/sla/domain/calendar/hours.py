"""When time counts, as written down: weekly hours in a zone, and unions and intersections."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, TypeAlias

import holidays

from sla.domain.calendar.intervals import Interval, common, merged, without
from sla.domain.calendar.special_days import HalfDays, worked_weekends
from sla.domain.calendar.zones import DAY, Piece, from_us, offset_at, pieces

EPOCH_DAY = dt.date(1970, 1, 1).toordinal()


class HolidaySet(NamedTuple):
    """A country's or subdivision's public holidays, as the `holidays` library knows them."""

    country: str
    subdivision: str | None = None
    categories: tuple[str, ...] = ()
    is_observed: bool = True

    def names(self, year: int) -> Mapping[dt.date, str]:
        """The holidays of a year; raises NotImplementedError for an unknown country."""
        return _holiday_names(self, year)

    def worked(self, year: int) -> Mapping[dt.date, dt.date]:
        """The days of a year's weekends that are worked, each with the day off it is worked for."""
        return _worked_weekends(self.country, self.subdivision, year)


class RecordedHolidays(NamedTuple):
    """The same as they were recorded with a policy version; other years as the library has them."""

    which: HolidaySet
    years: Mapping[int, Mapping[dt.date, str]]
    worked_years: Mapping[int, Mapping[dt.date, dt.date]]

    def names(self, year: int) -> Mapping[dt.date, str]:
        """The holidays of a year; none of a year that nobody knows any more."""
        recorded = self.years.get(year)
        if recorded is not None:
            return recorded
        try:
            return self.which.names(year)
        except (NotImplementedError, ValueError):
            return {}

    def worked(self, year: int) -> Mapping[dt.date, dt.date]:
        """The days of a year's weekends that are worked, as `HolidaySet` has them."""
        recorded = self.worked_years.get(year)
        if recorded is not None:
            return recorded
        try:
            return self.which.worked(year)
        except (NotImplementedError, ValueError):
            return {}


@lru_cache(maxsize=4096)
def _holiday_names(which: HolidaySet, year: int) -> Mapping[dt.date, str]:
    found = holidays.country_holidays(
        which.country,
        subdiv=which.subdivision,
        years=year,
        observed=which.is_observed,
        expand=False,
        categories=which.categories or None,
        language="en_US",
    )
    return {day: name for day, name in found.items() if day.year == year}


@lru_cache(maxsize=4096)
def _worked_weekends(country: str, subdivision: str | None, year: int) -> Mapping[dt.date, dt.date]:
    return worked_weekends(country, subdivision, year)


@dataclass(frozen=True, slots=True)
class Always:
    """Round the clock."""


@dataclass(frozen=True, slots=True)
class Weekly:
    """Weekly windows in one zone.

    Windows and breaks are microseconds from local midnight; a window that closes after midnight
    belongs to the day on which it opens. An instant is open when the wall clock shows a time
    inside a window: a skipped hour never counts, a repeated one counts twice. A day of the weekend
    that one of the countries works has the hours of the weekday of the day off.
    """

    zone: dt.tzinfo
    week: tuple[tuple[Interval, ...], ...]
    holidays: tuple[HolidaySet | RecordedHolidays, ...] = ()
    dates: Mapping[dt.date, str] = field(default_factory=dict)
    yearly: Mapping[tuple[int, int], str] = field(default_factory=dict)
    exceptions: Mapping[dt.date, tuple[Interval, ...]] = field(default_factory=dict)
    breaks: Mapping[dt.date, tuple[Interval, ...]] = field(default_factory=dict)
    weekly_breaks: tuple[tuple[Interval, ...], ...] = ((),) * 7
    half_days: HalfDays | None = None
    has_worked_weekends: bool = True

    def holiday(self, day: dt.date) -> str | None:
        """The name of the holiday on a local date, or None."""
        if (name := self.dates.get(day) or self.yearly.get((day.month, day.day))) is not None:
            return name
        for which in self.holidays:
            if (name := which.names(day.year).get(day)) is not None:
                return name
        return None

    def windows(self, day: dt.date) -> tuple[Interval, ...]:
        """The windows that open on a local date, before breaks."""
        replaced = self.exceptions.get(day)
        if replaced is not None:
            return replaced
        usual = self.usual(day)
        if not usual or self.holiday(day) is not None:
            return ()
        half_days = self.half_days
        return usual if half_days is None or self.half_day(day) is None else half_days.hours

    def usual(self, day: dt.date) -> tuple[Interval, ...]:
        """The windows of its weekday, or of the day off for which it is worked."""
        return self.week[self._weekday(day)]

    def half_day(self, day: dt.date) -> str | None:
        """Why a working day is a half day, or None."""
        return None if self.half_days is None else self.half_days.name(day, self.holiday)

    def breaks_of(self, day: dt.date) -> tuple[Interval, ...]:
        """The breaks that begin on a local date: its own and its weekday's."""
        return self.weekly_breaks[self._weekday(day)] + self.breaks.get(day, ())

    def worked_for(self, day: dt.date) -> dt.date | None:
        """The day off for which a day is worked that has no hours of its own, or None."""
        if self.week[day.weekday()] or not self.has_worked_weekends:
            return None
        for which in self.holidays:
            if (off := which.worked(day.year).get(day)) is not None:
                return off
        return None

    def special(self, day: dt.date) -> str | None:
        """Why a day's hours are not its weekday's: it is worked for a day off, or a half day."""
        if day in self.exceptions or self.holiday(day) is not None:
            return None
        off, half = self.worked_for(day), self.half_day(day)
        if half is not None and self.usual(day):
            return f"half day: {half}"
        return None if off is None else f"working day for {off:%A} {off.isoformat()}"

    def _weekday(self, day: dt.date) -> int:
        """The weekday whose hours a day has."""
        off = self.worked_for(day)
        if off is None:
            return day.weekday()
        return off.weekday() if self.week[off.weekday()] else self._usual_weekday()

    def _usual_weekday(self) -> int:
        """The first day of the week with the hours that most days of it have."""
        opened = [windows for windows in self.week if windows]
        return self.week.index(max(opened, key=opened.count)) if opened else 0


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Open when any member is."""

    members: tuple[Hours, ...]


@dataclass(frozen=True, slots=True)
class AllOf:
    """Open when all members are."""

    members: tuple[Hours, ...]


Hours: TypeAlias = Always | Weekly | AnyOf | AllOf


def open_intervals(hours: Hours, start: int, end: int) -> list[Interval]:
    """When `hours` are open within `[start, end)`, in microseconds since 1970."""
    match hours:
        case Always():
            return [(start, end)]
        case Weekly():
            return _weekly_intervals(hours, start, end)
        case AnyOf(members):
            return merged(i for member in members for i in open_intervals(member, start, end))
        case AllOf(members):
            found = [(start, end)]
            for member in members:
                found = common(found, open_intervals(member, start, end))
            return found


def _weekly_intervals(hours: Weekly, start: int, end: int) -> list[Interval]:
    stretches = pieces(hours.zone, start, end)
    first = (start + stretches[0].offset) // DAY - 2
    last = (end + stretches[-1].offset) // DAY + 1
    local = _local_windows(hours, range(first, last + 1))
    return _to_utc(local, stretches)


def _local_windows(hours: Weekly, days: range) -> list[Interval]:
    opened: list[Interval] = []
    paused: list[Interval] = []
    has_breaks = bool(hours.breaks) or any(hours.weekly_breaks)
    for number in days:
        day, midnight = dt.date.fromordinal(EPOCH_DAY + number), number * DAY
        opened += [(midnight + a, midnight + b) for a, b in hours.windows(day)]
        if has_breaks:
            paused += [(midnight + a, midnight + b) for a, b in hours.breaks_of(day)]
    return without(merged(opened), merged(paused))


def _to_utc(local: list[Interval], stretches: list[Piece]) -> list[Interval]:
    found: list[Interval] = []
    ends = [b for _, b in local]
    for start, end, offset in stretches:
        for i in range(bisect_right(ends, start + offset), len(local)):
            a, b = local[i]
            if a - offset >= end:
                break
            found.append((max(a - offset, start), min(b - offset, end)))
    return merged(found)


def day_intervals(hours: Hours, day: dt.date) -> list[Interval]:
    """The open time that belongs to a date, each member reading the date in its own zone."""
    match hours:
        case Weekly():
            number = day.toordinal() - EPOCH_DAY
            midnight = number * DAY
            opened = merged((midnight + a, midnight + b) for a, b in hours.windows(day))
            if opened:
                opened = without(opened, _breaks_near(hours, number))
            return _to_utc(opened, pieces(hours.zone, midnight - DAY, midnight + 4 * DAY))
        case Always():
            midnight = (day.toordinal() - EPOCH_DAY) * DAY
            return [(midnight, midnight + DAY)]
        case AnyOf(members):
            return merged(i for member in members for i in day_intervals(member, day))
        case AllOf(members):
            found = day_intervals(members[0], day)
            for member in members[1:]:
                found = common(found, day_intervals(member, day))
            return found


def _breaks_near(hours: Weekly, number: int) -> list[Interval]:
    found: list[Interval] = []
    for near in (number - 1, number, number + 1):
        day = dt.date.fromordinal(EPOCH_DAY + near)
        found += [(near * DAY + a, near * DAY + b) for a, b in hours.breaks_of(day)]
    return merged(found)


def zone_of(hours: Hours) -> dt.tzinfo:
    """The zone in which its days are named: its own, or that of its first member."""
    match hours:
        case Weekly():
            return hours.zone
        case Always():
            return dt.UTC
        case AnyOf(members) | AllOf(members):
            return zone_of(members[0])


def why_closed(hours: Hours, start: int, end: int) -> list[tuple[int, int, str]]:
    """The stretches of a closed interval, each with its reason: `closed`, `break`, or a holiday."""
    match hours:
        case Always():
            return [(start, end, "closed")]
        case Weekly():
            return _joined(_reasons_by_day(hours, start, end))
        case AnyOf(members) | AllOf(members):
            return _joined(_reasons_of_members(members, start, end))


def _reasons_by_day(hours: Weekly, start: int, end: int) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    at = start
    while at < end:
        offset = offset_at(hours.zone, at)
        number = (at + offset) // DAY
        midnight = min(_midnight(hours.zone, number + 1), end)
        day = dt.date.fromordinal(EPOCH_DAY + number)
        following = max(midnight, at + 1)
        found.append((at, following, _reason(hours, day, at + offset - number * DAY)))
        at = following
    return found


def _midnight(where: dt.tzinfo, number: int) -> int:
    day = dt.date.fromordinal(EPOCH_DAY + number)
    naive = dt.datetime.combine(day, dt.time.min, tzinfo=where)
    return (naive - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1)


def _reason(hours: Weekly, day: dt.date, time_of_day: int) -> str:
    if any(a <= time_of_day < b for a, b in hours.breaks_of(day)):
        return "break"
    if day in hours.exceptions:
        return f"exceptional hours on {day.isoformat()}"
    name = hours.holiday(day)
    if name is not None:
        return f"holiday: {name}"
    half = hours.half_day(day)
    would_count = any(a <= time_of_day < b for a, b in hours.usual(day))
    return "closed" if half is None or not would_count else f"half day: {half}"


def _reasons_of_members(
    members: tuple[Hours, ...], start: int, end: int
) -> list[tuple[int, int, str]]:
    reasons: list[tuple[int, int, str]] = []
    for member in members:
        opened = open_intervals(member, start, end)
        for a, b in without([(start, end)], opened):
            reasons += why_closed(member, a, b)
    cuts = sorted({start, end, *(a for a, _, _ in reasons), *(b for _, b, _ in reasons)})
    found: list[tuple[int, int, str]] = []
    for a, b in pairwise(cuts):
        here = dict.fromkeys(why for x, y, why in reasons if x <= a and b <= y)
        special = [why for why in here if why != "closed"]
        found.append((a, b, "; ".join(special) or "closed"))
    return found


def _joined(stretches: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    for start, end, why in stretches:
        if found and found[-1][1] == start and found[-1][2] == why:
            found[-1] = (found[-1][0], end, why)
        else:
            found.append((start, end, why))
    return found


def local_day(hours: Hours, us: int) -> dt.date:
    """The date at an instant, in the zone of `hours`."""
    return from_us(us).astimezone(zone_of(hours)).date()
