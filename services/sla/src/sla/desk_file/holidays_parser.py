"""Holidays, half days and worked weekends of a calendar in the desk file's own terms."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import holidays

from pledge.runtime.config.error_messages import nearest
from pledge.runtime.desk_file.yaml_file import Steps
from sla.desk_file.calendar_data import CalendarSource
from sla.domain.calendar.hours import HolidaySet, RecordedHolidays
from sla.domain.calendar.intervals import Interval
from sla.domain.calendar.special_days import HalfDays

Fail = Callable[[Steps, str, str | None], None]
"""Called with the way to the value, what is wrong and what to do."""

HOLIDAY_KEYS = ("countries", "dates", "yearly", "observed", "worked_weekends")
HALF_DAY_KEYS = ("hours", "before", "dates", "yearly", "countries")
_ISO_CODES = {"UK": "GB", "EN": "GB", "EL": "GR"}  # what people write for them
HALF_DAY = "half_day"
"""The library's category of them."""


class Holidays(NamedTuple):
    """What `holidays` says."""

    sets: tuple[HolidaySet | RecordedHolidays, ...] = ()
    dates: Mapping[dt.date, str] = {}
    yearly: Mapping[tuple[int, int], str] = {}
    has_worked_weekends: bool = True


@dataclass(frozen=True, slots=True)
class HolidayReader:
    """Reads the days of one calendar that are not as their weekday.

    Holidays that `source` has recorded are taken as they are, and not checked again.
    """

    fail: Fail
    source: CalendarSource

    def date(self, data: object, steps: Steps) -> dt.date | None:
        """A date as 2026-12-24, or None after reporting that it is none."""
        try:
            if re.fullmatch(r"\d{4}-\d{2}-\d{2}", str(data)):
                return dt.date.fromisoformat(str(data))
        except ValueError:
            pass
        self.fail(steps, f"`{data}` is no date", "write it as 2026-12-24")
        return None

    def holidays(self, data: object, steps: Steps) -> Holidays:
        """What `holidays` says; nothing without it."""
        if data is None:
            return Holidays()
        if not isinstance(data, Mapping):
            self.fail(steps, "`holidays` is a mapping", "e.g. {countries: [US, CA-QC]}")
            return Holidays()
        self._keys(data, HOLIDAY_KEYS, "holidays", steps)
        observed = self._switch(data, "observed", steps)
        sets = [
            self._country(item, (*steps, "countries", i), observed=observed)
            for i, item in enumerate(_listed(data.get("countries")))
        ]
        return Holidays(
            tuple(one for one in sets if one is not None),
            self._dates(data.get("dates"), (*steps, "dates")),
            self._days_of_year(data.get("yearly"), (*steps, "yearly")),
            self._switch(data, "worked_weekends", steps),
        )

    def half_days(
        self,
        data: object,
        windows: Callable[[object, Steps], tuple[Interval, ...]],
        steps: Steps,
    ) -> HalfDays | None:
        """What `half_days` says, with its windows as `windows` reads them."""
        if data is None:
            return None
        example = 'e.g. {before: holidays, hours: ["08:00-12:00"]}'
        if not isinstance(data, Mapping):
            self.fail(steps, "`half_days` is a mapping", example)
            return None
        self._keys(data, HALF_DAY_KEYS, "half_days", steps)
        if "hours" not in data:
            self.fail(steps, "half days need `hours`", example)
        if not data.keys() & {"before", "dates", "yearly", "countries"}:
            self.fail(steps, "no half day is named", "write before: holidays, dates or yearly")
        before = data.get("before", "holidays")
        if before != "holidays":
            self.fail((*steps, "before"), f"`before` is only `holidays`, not `{before}`", example)
        sets = [
            self._country(item, (*steps, "countries", i), categories=(HALF_DAY,))
            for i, item in enumerate(_listed(data.get("countries")))
        ]
        return HalfDays(
            windows(data.get("hours", []), (*steps, "hours")),
            "before" in data,
            self._dates(data.get("dates"), (*steps, "dates")),
            self._days_of_year(data.get("yearly"), (*steps, "yearly")),
            tuple(one.names for one in sets if one is not None),
        )

    def _keys(
        self, data: Mapping[str, object], known: Iterable[str], what: str, steps: Steps
    ) -> None:
        for key in data:
            if key not in known:
                self.fail((*steps, str(key)), f"`{what}` has no `{key}`", near(str(key), known))

    def _switch(self, data: Mapping[str, object], key: str, steps: Steps) -> bool:
        value = data.get(key, True)
        if not isinstance(value, bool):
            self.fail((*steps, key), f"`{key}` is true or false", None)
        return value is not False

    def _dates(self, data: object, steps: Steps) -> dict[dt.date, str]:
        read = ((self.date(text, at), label) for text, label, at in _labelled(data, steps))
        return {day: label for day, label in read if day is not None}

    def _days_of_year(self, data: object, steps: Steps) -> dict[tuple[int, int], str]:
        read = ((self._yearly(text, at), label) for text, label, at in _labelled(data, steps))
        return {day: label for day, label in read if day is not None}

    def _yearly(self, text: str, steps: Steps) -> tuple[int, int] | None:
        if re.fullmatch(r"\d{2}-\d{2}", text):
            try:
                day = dt.date.fromisoformat(f"2024-{text}")
            except ValueError:
                pass
            else:
                return day.month, day.day
        self.fail(steps, f"`{text}` is no day of the year", "write month and day, e.g. 12-24")
        return None

    def _country(
        self,
        data: object,
        steps: Steps,
        *,
        observed: bool = True,
        categories: tuple[str, ...] = (),
    ) -> HolidaySet | RecordedHolidays | None:
        """`US`, `CA-QC`, or `{country: CA, categories: [government, public]}`."""
        code: object = data
        if isinstance(data, Mapping) and not categories:
            code = data.get("country")
            categories = tuple(str(one) for one in _listed(data.get("categories")))
        country, _, subdivision = str(code).partition("-")
        which = HolidaySet(country, subdivision or None, categories, observed)
        if (recorded := self.source.recorded_holidays(which)) is not None:
            return recorded
        known = holidays.list_supported_countries(include_aliases=True)
        if country not in known:
            meant = near(_ISO_CODES.get(country.upper(), country.upper()), known)
            hint = meant or "write an ISO 3166 code such as US or CA-QC"
            part = subdivision.upper()
            if part and country.upper() in known and part in known[country.upper()]:
                hint = f"did you mean {country.upper()}-{part}?"
            self.fail(steps, f"no holidays are known for `{code}`", hint)
            return None
        if subdivision and subdivision not in known[country]:
            hint = near(subdivision, known[country]) or f"known: {', '.join(known[country])}"
            self.fail(steps, f"{country} has no subdivision `{subdivision}`", hint)
            return None
        try:
            return self.source.library_holidays(which)
        except (ValueError, NotImplementedError) as error:
            self.fail(steps, f"no such holidays: {error}", None)
            return None


def near(word: str, known: Iterable[str]) -> str | None:
    """A hint that names the one of `known` that `word` nearly is."""
    found = nearest(word, known)
    return None if found is None else f"did you mean {found}?"


def _listed(data: object) -> list[object]:
    if data is None:
        return []
    return list(data) if isinstance(data, list) else [data]


def _labelled(data: object, steps: Steps) -> list[tuple[str, str, Steps]]:
    """Dates as a list, or as a mapping to what they are called."""
    if isinstance(data, Mapping):
        return [(str(key), str(name), (*steps, str(key))) for key, name in data.items()]
    found = _listed(data)
    return [(str(one), str(one), (*steps, i)) for i, one in enumerate(found)]
