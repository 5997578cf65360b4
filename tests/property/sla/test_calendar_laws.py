"""Compiled calendars against an independent walk over wall clocks, minute by minute."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import holidays
from hypothesis import given, settings
from hypothesis import strategies as st

from sla.desk_file.hours_parser import WEEKDAYS, read_hours
from sla.domain.calendar.calendar import Calendar
from sla.domain.calendar.hours import Hours

MINUTE = timedelta(minutes=1)
ZONES = (
    "America/New_York",
    "America/Sao_Paulo",  # changed at midnight, and no longer
    "Europe/Berlin",
    "Africa/Casablanca",  # twice around Ramadan
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # half an hour
    "Pacific/Apia",  # skipped a day
    "America/Havana",  # at midnight
    "UTC",
)
TRANSITIONS = (  # days around which at least one zone above changes
    date(1996, 4, 7),
    date(2004, 10, 31),
    date(2011, 12, 30),
    date(2018, 11, 4),
    date(2019, 2, 17),
    date(2024, 3, 10),
    date(2025, 3, 30),
    date(2026, 11, 1),
    date(2026, 4, 5),
    date(2030, 1, 6),
    date(2039, 10, 30),
)

clock_minutes = st.integers(0, 24 * 60 - 1)


def text_of(minutes: int, seconds: int = 0) -> str:
    text = f"{minutes // 60:02d}:{minutes % 60:02d}"
    return f"{text}:{seconds:02d}" if seconds else text


@st.composite
def windows(draw: st.DrawFn, has_seconds: bool = False) -> list[str]:
    """Up to three windows, in disorder, overlapping or across midnight as it comes."""
    found: list[str] = []
    for _ in range(draw(st.integers(0, 3))):
        opens, length = draw(clock_minutes), draw(st.integers(1, 14 * 60))
        closes = opens + length
        end = closes if closes <= 24 * 60 else closes - 24 * 60
        if has_seconds and end < 24 * 60:
            seconds = st.integers(0, 59)
            found.append(f"{text_of(opens, draw(seconds))}-{text_of(end, draw(seconds))}")
        else:
            found.append(f"{text_of(opens)}-{text_of(end)}")
    return [one for one in found if len(set(one.split("-"))) == 2]


days = st.dates(date(1995, 1, 2), date(2040, 12, 20))


@st.composite
def starts(draw: st.DrawFn) -> datetime:
    day = draw(st.one_of(st.sampled_from(TRANSITIONS), days)) - timedelta(days=1)
    minute = draw(st.integers(0, 3 * 24 * 60))
    return datetime.combine(day, time(), tzinfo=UTC) + timedelta(minutes=minute)


@st.composite
def weekly(draw: st.DrawFn, near: datetime, has_seconds: bool = False) -> dict[str, Any]:
    opening = windows(has_seconds=has_seconds)
    around = st.integers(-2, 4).map(lambda n: (near + timedelta(days=n)).date())
    holiday: dict[str, Any] = {"dates": [str(day) for day in draw(st.lists(around, max_size=2))]}
    if draw(st.booleans()):
        listed = [["US"], ["CA-QC", "US"], ["DE-BY"], ["CN"], ["HU", "UA"], ["RU"]]
        holiday["countries"] = draw(st.sampled_from(listed))
        holiday["worked_weekends"] = draw(st.booleans())
    if draw(st.booleans()):
        holiday["yearly"] = [f"{draw(around):%m-%d}"]
    half_days: dict[str, Any] = {
        "hours": draw(opening),
        "dates": [str(day) for day in draw(st.lists(around, max_size=1))],
        **({"before": "holidays"} if draw(st.booleans()) else {}),
        **({"countries": ["IS"]} if draw(st.booleans()) else {}),
    }
    open_days = WEEKDAYS[:5] if draw(st.booleans()) else WEEKDAYS
    return {
        "timezone": draw(st.sampled_from(ZONES)),
        "hours": {day: draw(opening) for day in open_days},
        "holidays": holiday,
        **({"half_days": half_days} if draw(st.booleans()) else {}),
        "exceptions": {str(day): draw(opening) for day in draw(st.lists(around, max_size=1))},
        "breaks": {
            **{str(day): draw(opening) for day in draw(st.lists(around, max_size=1))},
            **({draw(st.sampled_from(WEEKDAYS)): draw(opening)} if draw(st.booleans()) else {}),
        },
    }


@st.composite
def cases(draw: st.DrawFn, has_seconds: bool = False) -> tuple[dict[str, Any], datetime]:
    start = draw(starts())
    kind = draw(st.sampled_from(["plain", "plain", "any_of", "all_of"]))
    if kind == "plain":
        return draw(weekly(start, has_seconds)), start
    members = draw(st.lists(weekly(start, has_seconds), min_size=1, max_size=3))
    return {kind: members}, start


# The walk: written from the rules alone, knowing nothing of the compiled form.


DAY = 24 * 60 * 60


def bounds(window: str) -> tuple[int, int]:
    opens, closes = (
        int(t[:2]) * 3600 + int(t[3:5]) * 60 + int(t[6:] or 0) for t in window.split("-")
    )
    return opens, closes if closes > opens else closes + DAY


def is_holiday(spec: dict[str, Any], day: date) -> bool:
    listed = spec["holidays"]
    if str(day) in listed["dates"] or f"{day:%m-%d}" in listed.get("yearly", []):
        return True
    for code in listed.get("countries", []):
        country, _, part = code.partition("-")
        if day in holidays.country_holidays(country, subdiv=part or None, years=day.year):
            return True
    return False


def own_hours(spec: dict[str, Any], weekday: str) -> list[str]:
    return list(spec["hours"].get(weekday, []))


def weekday_of(spec: dict[str, Any], day: date) -> str:
    """Whose hours a day has: a worked day of the weekend has those of the day off."""
    own = WEEKDAYS[day.weekday()]
    listed = spec["holidays"]
    if own_hours(spec, own) or not listed.get("worked_weekends", True):
        return own
    for code in listed.get("countries", []):
        country, _, part = code.partition("-")
        known = holidays.country_holidays(
            country, subdiv=part or None, years=range(day.year - 1, day.year + 2), language="en_US"
        )
        if day in known.weekend_workdays:
            word = f"{day:%m/%d/%Y}"
            off = [one for one, name in known.items() if "substituted" in name and word in name]
            replaced = WEEKDAYS[off[0].weekday()] if off else own
            if own_hours(spec, replaced):
                return replaced
            kinds = [own_hours(spec, one) for one in WEEKDAYS if own_hours(spec, one)]
            usual = max(kinds, key=kinds.count, default=[])
            return next(one for one in WEEKDAYS if own_hours(spec, one) == usual)
    return own


def is_half(spec: dict[str, Any], day: date) -> bool:
    half = spec.get("half_days")
    if half is None:
        return False
    if str(day) in half["dates"] or ("before" in half and is_holiday(spec, day + timedelta(1))):
        return True
    known = holidays.country_holidays("IS", years=day.year, categories=("half_day",))
    return "countries" in half and day in known


def hours_of(spec: dict[str, Any], day: date) -> list[str]:
    if str(day) in spec["exceptions"]:
        return list(spec["exceptions"][str(day)])
    hours = [] if is_holiday(spec, day) else own_hours(spec, weekday_of(spec, day))
    return list(spec["half_days"]["hours"]) if hours and is_half(spec, day) else hours


def breaks_of(spec: dict[str, Any], day: date) -> list[str]:
    named = spec["breaks"]
    return [*named.get(str(day), []), *named.get(weekday_of(spec, day), [])]


class Walk:
    """Is it open at an instant? Asks the wall clock."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.members = [Walk(one) for one in spec.get("any_of", spec.get("all_of", []))]
        self.days: dict[tuple[str, date], list[tuple[int, int]]] = {}

    def is_open(self, at: datetime) -> bool:
        if "any_of" in self.spec:
            return any(member.is_open(at) for member in self.members)
        if "all_of" in self.spec:
            return all(member.is_open(at) for member in self.members)
        local = at.astimezone(ZoneInfo(self.spec["timezone"]))
        return self.shows("open", local) and not self.shows("break", local)

    def shows(self, what: str, local: datetime) -> bool:
        second = local.hour * 3600 + local.minute * 60 + local.second
        today, yesterday = local.date(), local.date() - timedelta(days=1)
        return any(a <= second < b for a, b in self.of(what, today)) or any(
            a <= second + DAY < b for a, b in self.of(what, yesterday)
        )

    def of(self, what: str, day: date) -> list[tuple[int, int]]:
        key = (what, day)
        if key not in self.days:
            listed = hours_of if what == "open" else breaks_of
            self.days[key] = [bounds(window) for window in listed(self.spec, day)]
        return self.days[key]


def compiled(spec: dict[str, Any]) -> Calendar:
    def report(steps: tuple[str | int, ...], message: str, hint: str | None) -> None:
        raise AssertionError(f"{steps}: {message}")

    def named(name: str, steps: tuple[str | int, ...]) -> Hours | None:
        raise AssertionError(name)

    hours = read_hours(spec, report, named)
    assert hours is not None
    return Calendar("test", hours)


@given(cases())
@settings(max_examples=70, deadline=None)
def test_compiled_calendar_agrees_with_a_walk_minute_by_minute(
    case: tuple[dict[str, Any], datetime],
) -> None:
    spec, start = case
    calendar, walk = compiled(spec), Walk(spec)
    opened = 0
    for minute in range(4 * 24 * 60):
        at = start + minute * MINUTE
        is_open = walk.is_open(at)
        assert calendar.is_open(at) is is_open, at
        if is_open and minute % 97 == 0:
            # The first instant with so much open time behind it, and a minute's worth.
            assert calendar.add(start, timedelta(minutes=opened + 1)) == at + MINUTE
        opened += is_open
    end = start + timedelta(days=4)
    assert calendar.measure(start, end) == timedelta(minutes=opened)
    if opened:
        assert calendar.measure(start, calendar.add(start, timedelta(minutes=opened))) == (
            timedelta(minutes=opened)
        )


WORKED = {  # days of a weekend that are worked
    "CN": (date(2019, 2, 2), date(2026, 10, 10), date(2005, 12, 31)),
    "HU": (date(2024, 12, 7), date(2026, 8, 8)),
    "UA": (date(2019, 12, 28), date(2022, 3, 12)),
    "RU": (date(2027, 2, 20),),
    "VN": (date(2026, 8, 22),),
}


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_worked_weekends_and_half_days_agree_with_a_walk(data: st.DataObject) -> None:
    country = data.draw(st.sampled_from(sorted(WORKED)))
    day = data.draw(st.sampled_from(WORKED[country]))
    start = datetime.combine(day - timedelta(days=1), time(20), tzinfo=UTC)
    spec = data.draw(weekly(start))
    opening = windows().filter(bool)
    spec["hours"] = {weekday: data.draw(opening) for weekday in WEEKDAYS[:5]}
    spec["holidays"]["countries"] = data.draw(st.sampled_from([[country], ["DE", country]]))
    calendar, walk = compiled(spec), Walk(spec)
    for minute in range(0, 2 * 24 * 60, 7):
        at = start + minute * MINUTE
        assert calendar.is_open(at) is walk.is_open(at), at


@given(cases(has_seconds=True))
@settings(max_examples=80, deadline=None)
def test_edges_agree_with_a_walk_second_by_second(case: tuple[dict[str, Any], datetime]) -> None:
    spec, start = case
    calendar, walk = compiled(spec), Walk(spec)
    from_us = round(start.timestamp()) * 1_000_000
    edges = [end for _, end, _, _ in calendar.stretches(from_us, from_us + 5 * DAY * 1_000_000)]
    for edge in edges:
        for second in range(-3, 4):
            at = datetime.fromtimestamp(edge // 1_000_000 + second, UTC)
            assert calendar.is_open(at) is walk.is_open(at), at


@given(cases(), st.lists(st.integers(0, 40 * 86_400_000), min_size=3, max_size=6))
@settings(max_examples=60, deadline=None)
def test_measuring_is_additive_over_any_split(
    case: tuple[dict[str, Any], datetime], offsets: list[int]
) -> None:
    spec, start = case
    calendar = compiled(spec)
    instants = sorted(start + timedelta(milliseconds=offset) for offset in offsets)
    parts = [calendar.measure(a, b) for a, b in pairwise(instants)]
    assert sum(parts, timedelta()) == calendar.measure(instants[0], instants[-1])
    assert all(
        timedelta() <= part <= b - a for part, (a, b) in zip(parts, pairwise(instants), strict=True)
    )


@given(cases(), st.integers(1, 30 * 86_400_000), st.integers(1, 30 * 86_400_000))
@settings(max_examples=60, deadline=None)
def test_adding_then_measuring_gives_the_same_and_adding_twice_adds_up(
    case: tuple[dict[str, Any], datetime], first: int, second: int
) -> None:
    spec, start = case
    calendar = compiled({"any_of": [spec, ALWAYS_SOMETIMES]})
    a, b = timedelta(milliseconds=first), timedelta(milliseconds=second)
    due = calendar.add(start, a)
    assert calendar.measure(start, due) == a
    assert calendar.measure(start, due - timedelta(microseconds=1)) < a  # the first such instant
    assert calendar.add(due, b) == calendar.add(start, a + b)


ALWAYS_SOMETIMES = {  # so that the calendar opens at all
    "timezone": "GMT-5",
    "hours": {"wed": ["08:00-10:30"]},
}


@given(cases(), st.integers(0, 10 * 86_400_000))
@settings(max_examples=60, deadline=None)
def test_stretches_cover_the_time_without_gaps_and_count_what_is_measured(
    case: tuple[dict[str, Any], datetime], length: int
) -> None:
    spec, start = case
    calendar = compiled(spec)
    from_us = round(start.timestamp() * 1_000_000)
    to_us = from_us + length * 1000
    stretches = calendar.stretches(from_us, to_us)
    edges = [from_us, *(end for _, end, _, _ in stretches)]
    assert [start for start, _, _, _ in stretches] == edges[:-1]
    assert edges[-1] == to_us
    counted = sum(end - begin for begin, end, is_open, _ in stretches if is_open)
    assert counted == calendar.measure_us(from_us, to_us)
    assert all(why for _, _, is_open, why in stretches if not is_open)


@given(st.sampled_from(ZONES), st.sampled_from(TRANSITIONS), st.integers(-86_400, 86_400 * 2))
@settings(max_examples=150, deadline=None)
def test_round_the_clock_in_any_zone_counts_every_second_once(
    zone: str, day: date, offset: int
) -> None:
    calendar = compiled({"timezone": zone, "hours": "24x7"})
    start = datetime.combine(day, time(), tzinfo=UTC) + timedelta(seconds=offset)
    assert calendar.add(start, timedelta(hours=30)) == start + timedelta(hours=30)
