"""Holidays that a calendar probably lacks, as the data of the `holidays` library has them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import NamedTuple

import holidays

from pledge.runtime.config.error_messages import suggest
from pledge.runtime.desk_file.yaml_file import Steps
from pledge.runtime.desk_file.zone_names import data_year
from sla.desk_file.findings import Findings
from sla.desk_file.hours_parser import read_hours
from sla.domain.calendar.hours import HolidaySet, Weekly

YEARS = 3
"""That are looked at, from the year in which the file comes into force: the holidays of a country
with 114 parts take a quarter of a second."""

MOST_PARTS = 8  # named in one hint
MOST_DAYS = 3  # named in one message
GOVERNMENT = "government"
HALF_DAY = "half_day"
COUNTRY_KEYS = ("country", "categories", "parts")


class Lacking(NamedTuple):
    """A day that is a holiday in at least half of a country's parts and not in the whole."""

    day: date
    name: str
    parts: tuple[str, ...]


def check_holidays(
    data: Mapping[str, object], steps: Steps, since: datetime | None, findings: Findings
) -> None:
    """Warn of countries whose holidays are those of their parts, or of a further category."""
    weekly = _weekly(data)
    if weekly is None:
        return
    year = data_year() if since is None else since.year
    years = tuple(range(year, year + YEARS))
    listed = _countries(data)
    sets = [which for which in weekly.holidays if isinstance(which, HolidaySet)]
    with_parts = {which.country for which in sets if which.subdivision}
    with_categories = {which.country for which in sets if which.categories}
    for index, which in enumerate(sets):
        at = (*steps, "holidays", "countries", index)
        if HALF_DAY in which.categories:
            message = f"half days of {_code(which)} close the whole day here"
            findings.warn(at, message, "list them under `half_days`, with their hours")
        lacking: list[Lacking] = []
        if which.country not in with_parts and not _has_no_parts(listed[index], at, findings):
            lacking = [one for one in days_of_parts(which, years) if _is_open(weekly, one.day)]
        if lacking:
            _tell_parts(which, lacking, at, findings)
        elif which.country not in with_categories:
            days = [one for one in government_days(which, years) if _is_open(weekly, one[0])]
            if days:
                _tell_government(which, days, at, findings)


def _has_no_parts(data: object, steps: Steps, findings: Findings) -> bool:
    """Whether the file says that the days of the whole country are meant."""
    if not isinstance(data, Mapping):
        return False
    for key in data:
        if key not in COUNTRY_KEYS:
            hint = suggest(str(key), COUNTRY_KEYS)
            findings.report((*steps, str(key)), f"a country has no `{key}`", hint)
    if data.get("parts", "none") != "none":
        hint = "write the part as the country: GB-ENG; or `parts: none` for none"
        findings.report((*steps, "parts"), "`parts` is only `none`", hint)
    return "parts" in data


@lru_cache(maxsize=64)
def days_of_parts(which: HolidaySet, years: tuple[int, ...]) -> tuple[Lacking, ...]:
    """The days that at least half of a country's parts have and the country alone has not."""
    parts = parts_of(which.country) if which.subdivision is None else ()
    found: dict[date, Lacking] = {}
    for year in years:
        whole = which.names(year)
        for part in parts:
            for day, name in which._replace(subdivision=part).names(year).items():
                if day not in whole:
                    known = found.get(day) or Lacking(day, name, ())
                    found[day] = known._replace(parts=(*known.parts, f"{which.country}-{part}"))
    return tuple(found[day] for day in sorted(found) if 2 * len(found[day].parts) >= len(parts))


@lru_cache(maxsize=64)
def government_days(which: HolidaySet, years: tuple[int, ...]) -> tuple[tuple[date, str], ...]:
    """The days on which its government is closed besides the public holidays."""
    kind = holidays.country_holidays(which.country)
    if which.categories or GOVERNMENT not in kind.supported_categories:
        return ()
    both = which._replace(categories=(GOVERNMENT, kind.default_category))
    return tuple(
        (day, name)
        for year in years
        for day, name in sorted(both.names(year).items())
        if day not in which.names(year)
    )


def parts_of(country: str) -> tuple[str, ...]:
    """The subdivisions that the library knows holidays of."""
    return tuple(holidays.country_holidays(country).subdivisions)


def _tell_parts(
    which: HolidaySet, lacking: list[Lacking], steps: Steps, findings: Findings
) -> None:
    days = _listed([(one.day, one.name) for one in lacking])
    holders = sorted({part for one in lacking for part in one.parts})
    known = sorted(f"{which.country}-{part}" for part in parts_of(which.country))
    message = f"`{which.country}` alone lacks {days}, holidays of {_some(holders)}"
    hint = f"name the parts whose holidays count ({_some(known)}), or say `parts: none`"
    findings.warn(steps, message, hint)


def _tell_government(
    which: HolidaySet, days: list[tuple[date, str]], steps: Steps, findings: Findings
) -> None:
    code = _code(which)
    message = f"`{code}` lacks days on which the government is closed: {_listed(days)}"
    hint = f"write {{country: {code}, categories: [government, public]}}, or only public"
    findings.warn(steps, message, hint)


def _listed(days: list[tuple[date, str]]) -> str:
    """The first day of each name, of a few names."""
    names: dict[str, date] = {}
    for day, name in days:
        names.setdefault(name, day)
    shown = [f"{name} ({day})" for name, day in list(names.items())[:MOST_DAYS]]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _some(parts: list[str]) -> str:
    more = len(parts) - MOST_PARTS
    return ", ".join(parts[:MOST_PARTS]) + (f" and {more} more" if more > 0 else "")


def _code(which: HolidaySet) -> str:
    return which.country if which.subdivision is None else f"{which.country}-{which.subdivision}"


def _is_open(weekly: Weekly, day: date) -> bool:
    return bool(weekly.week[day.weekday()]) and weekly.holiday(day) is None


def _weekly(data: Mapping[str, object]) -> Weekly | None:
    """The calendar's own days; of a union or intersection the working days of a usual week."""
    own = {key: value for key, value in data.items() if key not in ("any_of", "all_of")}
    if len(own) < len(data):
        own["hours"] = {"mon-fri": ["00:00-24:00"]}
    if not isinstance(own.get("holidays"), Mapping):
        return None
    found = read_hours(own, lambda *_: None, lambda *_: None)
    is_whole = isinstance(found, Weekly) and len(found.holidays) == len(_countries(data))
    return found if isinstance(found, Weekly) and is_whole else None


def _countries(data: Mapping[str, object]) -> list[object]:
    listed = data["holidays"]
    countries = listed.get("countries") if isinstance(listed, Mapping) else None
    return countries if isinstance(countries, list) else [] if countries is None else [countries]
