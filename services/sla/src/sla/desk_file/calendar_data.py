"""The zone and holiday data that a policy version was made with, kept beside its text."""

from __future__ import annotations

import base64
import datetime as dt
import io
import zoneinfo
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pydantic_core import from_json, to_json

from pledge.runtime.desk_file.zones import UnknownZone, zone_or_offset
from pledge.runtime.zone_data import folders, versions
from sla.domain.calendar.hours import HolidaySet, RecordedHolidays
from sla.domain.calendar.outcome import HORIZON

T = TypeVar("T")

FORMAT = 1
NO_FILE = "no file of the tz database is called so"


class UnreadableCalendarData(ValueError):
    """Recorded calendar data that this program can't read."""


@dataclass(frozen=True, slots=True)
class CalendarData:
    """Zones as files of the tz database (RFC 9636), holidays by year within the horizon."""

    zones: Mapping[str, bytes] = field(default_factory=dict)
    holidays: Mapping[HolidaySet, RecordedHolidays] = field(default_factory=dict)
    libraries: Mapping[str, str] = field(default_factory=dict)

    def is_same(self, other: CalendarData) -> bool:
        """Whether both say the same, whatever libraries it came from."""
        return self.zones == other.zones and self.holidays == other.holidays

    def text(self) -> str:
        """As the database and the API have it: JSON."""
        return to_json(
            {
                "format": FORMAT,
                "libraries": self.libraries,
                "zones": {
                    name: base64.b64encode(content).decode()
                    for name, content in sorted(self.zones.items())
                },
                "holidays": [
                    {
                        **which._asdict(),
                        "days": _flat(recorded.years),
                        "worked": _flat(recorded.worked_years),
                    }
                    for which, recorded in self.holidays.items()
                ],
            }
        ).decode()


def read_calendar_data(text: str) -> CalendarData:
    """What `CalendarData.text` wrote. Raises UnreadableCalendarData."""
    try:
        data = from_json(text)
        found = _read(data) if data["format"] == FORMAT else None
    except (ValueError, TypeError, KeyError, AttributeError, EOFError, OverflowError) as error:
        raise UnreadableCalendarData(f"calendar data can't be read: {error!r}") from error
    if found is None:
        raise UnreadableCalendarData("calendar data of another version of Pledge")
    return found


def _read(data: dict[str, Any]) -> CalendarData:
    zones = {
        str(name): base64.b64decode(content, validate=True)
        for name, content in data["zones"].items()
    }
    for name, content in zones.items():
        recorded_zone(name, content)
    holidays = dict(_read_holidays(each) for each in data["holidays"])
    return CalendarData(zones, holidays, dict(data["libraries"]))


def _flat(years: Mapping[int, Mapping[dt.date, T]]) -> dict[dt.date, T]:
    return {day: found for year in sorted(years) for day, found in sorted(years[year].items())}


def _read_holidays(data: dict[str, Any]) -> tuple[HolidaySet, RecordedHolidays]:
    days: dict[str, str] = data.pop("days")
    worked: dict[str, str] = data.pop("worked")
    which = HolidaySet(**data | {"categories": tuple(data["categories"])})
    years = _by_year((day, name) for day, name in days.items())
    worked_years = _by_year((day, dt.date.fromisoformat(off)) for day, off in worked.items())
    return which, RecordedHolidays(which, years, worked_years)


def _by_year(days: Iterable[tuple[str, T]]) -> dict[int, dict[dt.date, T]]:
    years: dict[int, dict[dt.date, T]] = {year: {} for year in HORIZON}
    for text, found in days:
        day = dt.date.fromisoformat(text)
        years.setdefault(day.year, {})[day] = found
    return years


def _current_holidays(which: HolidaySet) -> RecordedHolidays:
    return RecordedHolidays(
        which,
        {year: which.names(year) for year in HORIZON},
        {year: which.worked(year) for year in HORIZON},
    )


@lru_cache(maxsize=1024)
def recorded_zone(name: str, content: bytes) -> zoneinfo.ZoneInfo:
    """The zone that a file of the tz database describes. Raises ValueError where it is none."""
    return zoneinfo.ZoneInfo.from_file(io.BytesIO(content), key=name)


@lru_cache(maxsize=1024)
def zone_file(name: str) -> bytes:
    """The file from which this process takes a zone. Raises UnknownZone."""
    parts = PurePosixPath(name).parts
    if not parts or {"/", ".."} & {*parts}:
        raise UnknownZone(name, NO_FILE)
    for folder in folders():
        path = Path(folder, *parts)
        if path.is_file():
            return path.read_bytes()
    try:
        return resources.files("tzdata").joinpath("zoneinfo", *parts).read_bytes()
    except OSError as error:
        raise UnknownZone(name, NO_FILE) from error


def current_data(recorded: CalendarData) -> CalendarData:
    """The same zones and holidays as the installed libraries have them; without what is gone."""
    zones: dict[str, bytes] = {}
    for name in recorded.zones:
        with suppress(UnknownZone):
            zones[name] = zone_file(name)
    holidays: dict[HolidaySet, RecordedHolidays] = {}
    for which in recorded.holidays:
        with suppress(NotImplementedError, ValueError):
            holidays[which] = _current_holidays(which)
    return CalendarData(zones, holidays, versions("holidays"))


class CalendarSource:
    """Where a file's calendars take zones and holidays from, and what they took.

    With data that was recorded, a version comes out as it did; what was not recorded, and all of a
    new file, comes from the installed libraries. Of a version that `is_stored`, names are taken
    that new files may not use any more.
    """

    def __init__(self, recorded: CalendarData | None = None, *, is_stored: bool = False) -> None:
        self._recorded = recorded or CalendarData()
        self.is_stored = is_stored
        self._zones: dict[str, bytes] = {}
        self._holidays: dict[HolidaySet, RecordedHolidays] = {}

    def zone(self, text: str) -> dt.tzinfo:
        """The zone that a file names. Raises UnknownZone."""
        recorded = self._recorded.zones.get(text)
        if recorded is not None:
            self._zones[text] = recorded
            return recorded_zone(text, recorded)
        try:
            zone = zone_or_offset(text)
        except UnknownZone as error:
            if not self.is_stored:
                raise
            try:
                zone = recorded_zone(text, zone_file(text))
            except ValueError as unusable:
                raise error from unusable
        if isinstance(zone, zoneinfo.ZoneInfo):
            self._zones[text] = zone_file(text)
        return zone

    def recorded_holidays(self, which: HolidaySet) -> RecordedHolidays | None:
        """The holidays as they were recorded; None where the library is to be asked."""
        recorded = self._recorded.holidays.get(which)
        if recorded is not None:
            self._holidays[which] = recorded
        return recorded

    def library_holidays(self, which: HolidaySet) -> HolidaySet:
        """The holidays as the library has them. Raises NotImplementedError, ValueError."""
        self._holidays[which] = _current_holidays(which)
        return which

    def used(self) -> CalendarData:
        """The data that a file's calendars came out of."""
        return CalendarData(dict(self._zones), dict(self._holidays), versions("holidays"))
