"""Days with other hours than their weekday's: half days, and days of a weekend that are worked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import holidays

from sla.domain.calendar.intervals import Interval

ONE_DAY = dt.timedelta(days=1)
MOVED_FIELDS = 4  # month and day of the day off, month and day of the day that is worked for it


@dataclass(frozen=True, slots=True)
class HalfDays:
    """Working days that have `hours` in place of their own.

    `dates` and `yearly` name them; `names` gives those that the `holidays` library knows of a year.
    """

    hours: tuple[Interval, ...]
    is_before_holidays: bool = False
    dates: Mapping[dt.date, str] = field(default_factory=dict)
    yearly: Mapping[tuple[int, int], str] = field(default_factory=dict)
    names: tuple[Callable[[int], Mapping[dt.date, str]], ...] = ()

    def name(self, day: dt.date, holiday: Callable[[dt.date], str | None]) -> str | None:
        """Why a working day is a half day, or None; `holiday` gives a day's holiday."""
        if (name := self.dates.get(day) or self.yearly.get((day.month, day.day))) is not None:
            return name
        for names in self.names:
            if (name := names(day.year).get(day)) is not None:
                return name
        if self.is_before_holidays and (name := holiday(day + ONE_DAY)) is not None:
            return f"the day before {name}"
        return None


def worked_weekends(country: str, subdivision: str | None, year: int) -> dict[dt.date, dt.date]:
    """The days of a year's weekends that a country works, each with the day off that it is worked
    for; with itself where the library does not say which."""
    if not _moves_days(country):
        return {}
    found = holidays.country_holidays(country, subdiv=subdivision, years=year, expand=False)
    days_off = dict(_moved(found))
    return {
        day: days_off.get(day, day)
        for day in getattr(found, "weekend_workdays", ())
        if day.year == year
    }


@lru_cache(maxsize=512)
def _moves_days(country: str) -> bool:
    return bool(getattr(holidays.country_holidays(country), "has_substituted_holidays", False))


def _moved(found: holidays.HolidayBase) -> Iterator[tuple[dt.date, dt.date]]:
    """Each day that is worked with the day off, as the library lists them by the latter's year."""
    listed: Mapping[int, object] = getattr(found, "special_public_holidays", {})
    for year, entries in listed.items():
        if not isinstance(entries, tuple):
            continue
        several = entries if entries and isinstance(entries[0], tuple) else (entries,)
        for entry in several:
            if len(entry) >= MOVED_FIELDS:
                month, day, its_month, its_day, *its_year = entry
                worked = dt.date(its_year[0] if its_year else year, its_month, its_day)
                yield worked, dt.date(year, month, day)
