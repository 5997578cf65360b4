"""Calendars in the desk file's own terms: plain data in, `Hours` out, every problem with its place.

Keys: `timezone`, `hours`, `holidays`, `half_days`, `exceptions`, `breaks`, or `any_of`, or
`all_of`; or the word `always` (`24x7` is the same).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from pledge.runtime.config.error_messages import nearest
from pledge.runtime.desk_file.yaml_file import Steps
from pledge.runtime.desk_file.zones import UnknownZone
from sla.desk_file.calendar_data import CalendarSource
from sla.desk_file.holidays_parser import HolidayReader, near
from sla.domain.calendar.hours import AllOf, Always, AnyOf, Hours, Weekly
from sla.domain.calendar.intervals import Interval
from sla.domain.calendar.zones import DAY, SECOND

Report = Callable[[Steps, str, str | None], None]
"""Called with the way to the value, what is wrong and what to do."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ROUND_THE_CLOCK = {"24x7", "24/7", "always"}
FULL_DAY: Interval = (0, DAY)
OWN_DAYS = ("holidays", "half_days", "exceptions", "breaks")
KEYS = ("timezone", "hours", *OWN_DAYS, "any_of", "all_of")

_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?")
_DEPTH = 8
_DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY_WORDS = {
    **dict.fromkeys(("weekday", "weekdays", "workdays", "workingdays", "businessdays"), "mon-fri"),
    **dict.fromkeys(("weekend", "weekends"), "sat-sun"),
    **dict.fromkeys(("all", "any", "always", "week", "everyday", "alldays", "7days"), "mon-sun"),
}


@dataclass(slots=True)
class _Reader:
    """Reads one calendar; `named` resolves references to other calendars of the same file.

    Zones and holidays that `source` has recorded are taken as they are, and not checked again.
    """

    report: Report
    named: Callable[[str, Steps], Hours | None]
    source: CalendarSource
    failed: bool = field(default=False)

    def fail(self, steps: Steps, message: str, hint: str | None = None) -> None:
        self.failed = True
        self.report(steps, message, hint)

    def read(self, data: object, steps: Steps, depth: int = 0) -> Hours | None:
        if isinstance(data, str):
            return Always() if data in ROUND_THE_CLOCK else self._reference(data, steps)
        if not isinstance(data, Mapping):
            self.fail(steps, "is no calendar", "write a mapping, a calendar's name or `always`")
            return None
        if depth > _DEPTH:
            self.fail(steps, f"calendars are nested more than {_DEPTH} deep", "name the inner ones")
            return None
        for key in data:
            if key not in KEYS:
                self.fail((*steps, str(key)), f"a calendar has no `{key}`", near(str(key), KEYS))
        together = [key for key in ("any_of", "all_of", "hours") if key in data]
        if len(together) != 1:
            what = " and ".join(f"`{key}`" for key in together) or "neither of them"
            hint = "write one of `hours`, `any_of` and `all_of`"
            self.fail(steps, f"a calendar has either hours or members, here {what}", hint)
            return None
        if together[0] == "hours":
            return self._weekly(data, steps)
        return self._members(together[0], data, steps, depth)

    def _reference(self, name: str, steps: Steps) -> Hours | None:
        found = self.named(name, steps)
        self.failed = self.failed or found is None
        return found

    def _members(
        self, key: str, data: Mapping[str, object], steps: Steps, depth: int
    ) -> Hours | None:
        listed = data[key]
        if not isinstance(listed, list) or not listed:
            self.fail((*steps, key), f"`{key}` is a list of calendars", "name at least one")
            return None
        read = [self.read(item, (*steps, key, i), depth + 1) for i, item in enumerate(listed)]
        members = tuple(member for member in read if member is not None)
        if len(members) != len(listed):
            return None
        together = AnyOf(members) if key == "any_of" else AllOf(members)
        return self._adjusted(together, data, steps)

    def _adjusted(self, together: Hours, data: Mapping[str, object], steps: Steps) -> Hours | None:
        """Members with holidays, exceptions and breaks of the whole, in the whole's own zone."""
        own = [key for key in OWN_DAYS if key in data]
        if not own:
            if "timezone" in data:
                hint = "members have their own zones; `holidays` of the whole would need one"
                self.fail((*steps, "timezone"), "`timezone` has no use here", hint)
            return together
        days = {**data, "hours": "24x7"}
        allowed = self._weekly(days, steps)
        if not isinstance(allowed, Weekly):
            return None
        closed: dict[dt.date, tuple[Interval, ...]] = dict.fromkeys(allowed.exceptions, ())
        usual = AllOf((together, replace(allowed, exceptions=closed)))
        return AnyOf((usual, replace(allowed, week=((),) * 7)))

    def _weekly(self, data: Mapping[str, object], steps: Steps) -> Hours | None:
        if data["hours"] == "always":
            self.fail((*steps, "hours"), "`always` is a whole calendar, not hours", "write 24x7")
        where = self._zone(data, steps)
        week = self._week(data["hours"], (*steps, "hours"))
        reader = HolidayReader(self.fail, self.source)
        closed = reader.holidays(data.get("holidays"), (*steps, "holidays"))
        half_days = reader.half_days(data.get("half_days"), self._windows, (*steps, "half_days"))
        exceptions = self._by_date(data.get("exceptions"), (*steps, "exceptions"))
        breaks, weekly_breaks = self._breaks(data.get("breaks"), (*steps, "breaks"))
        if self.failed:
            return None
        return Weekly(
            zone=where,
            week=week,
            holidays=closed.sets,
            dates=closed.dates,
            yearly=closed.yearly,
            exceptions=exceptions,
            breaks=breaks,
            weekly_breaks=weekly_breaks,
            half_days=half_days,
            has_worked_weekends=closed.has_worked_weekends,
        )

    def _zone(self, data: Mapping[str, object], steps: Steps) -> dt.tzinfo:
        text = data.get("timezone")
        if not isinstance(text, str):
            hint = "write an IANA name such as Europe/Paris, or an offset such as GMT-5"
            self.fail((*steps, "timezone"), "the calendar needs a `timezone`", hint)
            return dt.UTC
        try:
            return self.source.zone(text)
        except UnknownZone as error:
            self.fail((*steps, "timezone"), str(error), error.hint)
            return dt.UTC

    def _week(self, data: object, steps: Steps) -> tuple[tuple[Interval, ...], ...]:
        if isinstance(data, str) and data in ROUND_THE_CLOCK:
            return ((FULL_DAY,),) * 7
        if not isinstance(data, Mapping):
            self.fail(steps, "`hours` maps days to windows", 'e.g. mon-fri: ["09:00-17:00"]')
            return ((),) * 7
        week: list[tuple[Interval, ...] | None] = [None] * 7
        for key, value in data.items():
            windows = self._windows(value, (*steps, str(key)))
            for day in self._days(str(key), (*steps, str(key))):
                if week[day] is not None:
                    self.fail((*steps, str(key)), f"{WEEKDAYS[day]} has its hours twice")
                week[day] = windows
        return tuple(windows or () for windows in week)

    def _days(self, text: str, steps: Steps) -> list[int]:
        found: list[int] = []
        for part in text.lower().replace(" ", "").split(","):
            if part in {"daily", "everyday"}:
                found += range(7)
                continue
            ends = [_weekday(name) for name in part.split("-")]
            if len(ends) > 2 or None in ends:
                self.fail(steps, f"`{text}` is no day", hint_for_days(part))
                return []
            first_day, last_day = ends[0] or 0, ends[-1] or 0
            found += [(first_day + i) % 7 for i in range((last_day - first_day) % 7 + 1)]
        return found

    def _windows(self, data: object, steps: Steps) -> tuple[Interval, ...]:
        if isinstance(data, str):
            data = [data]
        if not isinstance(data, list):
            self.fail(steps, "windows are a list", 'e.g. ["09:00-12:00", "13:00-17:00"]')
            return ()
        found = [self._window(item, (*steps, i)) for i, item in enumerate(data)]
        return tuple(sorted(window for window in found if window is not None))

    def _window(self, data: object, steps: Steps) -> Interval | None:
        if isinstance(data, str) and data in ROUND_THE_CLOCK:
            return FULL_DAY
        hint = 'e.g. "09:00-17:00"; 24:00 ends a day, "22:00-06:00" crosses midnight'
        parts = data.replace(" ", "").replace("–", "-").split("-") if isinstance(data, str) else []
        times = [time_of_day(part) for part in parts]
        if len(times) != 2 or times[0] is None or times[1] is None or times[0] == DAY:
            self.fail(steps, f"`{data}` is no window of time", hint)
            return None
        opens, closes = times[0], times[1]
        if opens == closes:
            self.fail(steps, f"`{data}` is empty", 'for a whole day write "00:00-24:00"')
            return None
        return opens, closes if closes > opens else closes + DAY

    def _by_date(self, data: object, steps: Steps) -> dict[dt.date, tuple[Interval, ...]]:
        if data is None:
            return {}
        if not isinstance(data, Mapping):
            self.fail(steps, "maps dates to windows", 'e.g. 2026-12-31: ["08:00-12:00"]')
            return {}
        found: dict[dt.date, tuple[Interval, ...]] = {}
        for key, value in data.items():
            at = (*steps, str(key))
            if (day := HolidayReader(self.fail, self.source).date(key, at)) is not None:
                found[day] = self._windows([] if value is None else value, at)
        return found

    def _breaks(
        self, data: object, steps: Steps
    ) -> tuple[dict[dt.date, tuple[Interval, ...]], tuple[tuple[Interval, ...], ...]]:
        if data is None:
            return {}, ((),) * 7
        if not isinstance(data, Mapping):
            self.fail(steps, "maps dates or days to windows", 'e.g. mon-fri: ["12:00-13:00"]')
            return {}, ((),) * 7
        dated = {key: value for key, value in data.items() if str(key)[:1].isdigit()}
        weekly = {key: value for key, value in data.items() if key not in dated}
        return self._by_date(dated, steps), self._week(weekly, steps)


def read_hours(
    data: object,
    report: Report,
    named: Callable[[str, Steps], Hours | None],
    steps: Steps = (),
    source: CalendarSource | None = None,
) -> Hours | None:
    """A calendar from plain data, or None after reporting what is wrong with it."""
    reader = _Reader(report, named, source or CalendarSource())
    found = reader.read(data, steps)
    return None if reader.failed else found


def hint_for_days(text: str) -> str:
    """The days that `text` (in small letters, without spaces) was probably meant to be."""
    if (meant := _DAY_WORDS.get(text)) is not None:
        return f"did you mean {meant}?"
    ends = [_meant_day(name) for name in text.split("-")]
    if len(ends) > 2 or None in ends:
        return "e.g. mon-fri"
    return f"did you mean {'-'.join(end for end in ends if end is not None)}?"


def _meant_day(text: str) -> str | None:
    """The day whose name begins so (`mo`, `tues`), or is spelled nearly so."""
    begun = [day for day in _DAY_NAMES if len(text) >= 2 and day.startswith(text)]
    found = begun[0] if len(begun) == 1 else nearest(text, (*_DAY_NAMES, *WEEKDAYS))
    return None if found is None else found[:3]


def _weekday(text: str) -> int | None:
    short = text[:3]
    if short not in WEEKDAYS or (
        len(text) > 3 and not re.fullmatch(r"(mon|tues|wednes|thurs|fri|satur|sun)day", text)
    ):
        return None
    return WEEKDAYS.index(short)


def time_of_day(text: str) -> int | None:
    """`08:30`, `24:00` or `08:30:15` in microseconds from midnight; None for anything else."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    total = (hours * 3600 + minutes * 60 + seconds) * SECOND
    return total if minutes < 60 and seconds < 60 and total <= DAY else None
