"""Due instants in business days against a walk over wall clocks, step by step."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from sla.desk_file.hours_parser import WEEKDAYS, read_hours
from sla.domain.calendar.business_days import BusinessDay, due_us, received
from sla.domain.calendar.calendar import Calendar
from sla.domain.calendar.hours import Hours
from sla.domain.calendar.zones import from_us, to_us

STEP, DAY = timedelta(minutes=15), timedelta(days=1)  # offsets of zones are whole steps
STEPS = DAY // STEP
ZONES = ("America/Havana", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "UTC")
# Clocks change in one of the zones, at midnight or in the night, on these days or the day after.
NEAR_CHANGES = (date(2026, 3, 7), date(2026, 3, 28), date(2026, 4, 4), date(2026, 10, 24))
NIGHTS: list[list[str]] = [["22:00-06:00"], ["23:30-02:30"], []]
DAYS: list[list[str]] = [
    ["09:00-17:00"],
    ["08:00-12:00", "13:00-16:30"],
    ["00:00-24:00"],
    ["01:30-02:30"],
    [],
]
LONGEST = 24 * STEPS


class Case(NamedTuple):
    zone: ZoneInfo
    hours: dict[str, list[str]]
    holidays: list[date]
    start: datetime
    days: int

    def windows(self, day: date) -> list[str]:
        return [] if day in self.holidays else self.hours[WEEKDAYS[day.weekday()]]

    def calendar(self) -> Calendar:
        data = {
            "timezone": self.zone.key,
            "hours": self.hours,
            "holidays": {"dates": [str(day) for day in self.holidays]},
        }

        def fail(*problem: object) -> None:
            raise AssertionError(problem)

        def named(name: str, steps: object) -> Hours | None:
            raise AssertionError(name)

        hours = read_hours(data, fail, named)
        assert hours is not None
        return Calendar("office", hours)


steps_of_a_day = st.integers(0, STEPS - 1)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Days of up to two windows by day, or a night from the evening on; two days a week closed."""
    day = draw(st.sampled_from(NEAR_CHANGES)) + draw(st.integers(-2, 3)) * DAY
    start = datetime.combine(day, time(), tzinfo=UTC) + draw(steps_of_a_day) * STEP
    is_night = draw(st.booleans())
    windows = st.sampled_from(NIGHTS if is_night else DAYS)
    hours = {name: draw(windows) for name in WEEKDAYS}
    for name in ("mon", "wed", "fri"):
        hours[name] = hours[name] or (["22:00-06:00"] if is_night else ["09:00-17:00"])
    closed = st.lists(st.integers(-2, 5).map(lambda n: day + n * DAY), max_size=2)
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    return Case(zone, hours, draw(closed), start, draw(st.integers(1, 2)))


class Walk:
    """Goes through the instants from before the start, and looks at the wall clock."""

    def __init__(self, case: Case) -> None:
        self.case = case
        begin = case.start - 3 * DAY
        self.instants = [begin + n * STEP for n in range(LONGEST)]
        self.local = [at.astimezone(case.zone).replace(tzinfo=None) for at in self.instants]
        self.spans = self._spans()

    def _spans(self) -> dict[date, tuple[datetime, datetime]]:
        """First and last open instant, by the date on which the window opens."""
        found: dict[date, tuple[datetime, datetime]] = {}
        for at, local in zip(self.instants, self.local, strict=True):
            for back in (0, 1):
                day = local.date() - back * DAY
                clock = local - datetime.combine(day, time())
                if any(a <= clock < b for a, b in map(bounds, self.case.windows(day))):
                    found[day] = found.get(day, (at, at))[0], at + STEP
        return found

    def received(self) -> tuple[date, datetime]:
        day, (opens, _) = next(
            item for item in sorted(self.spans.items()) if item[1][1] > self.case.start
        )
        return day, max(opens, self.case.start)

    def day_after(self, day: date) -> date:
        return [one for one in sorted(self.spans) if one > day][self.case.days - 1]

    def clock_shows(self, wanted: datetime) -> datetime:
        """The first instant at which it shows this time or later."""
        return next(
            at for at, local in zip(self.instants, self.local, strict=True) if local >= wanted
        )


def bounds(window: str) -> tuple[timedelta, timedelta]:
    opens, closes = (
        timedelta(hours=int(text[:2]), minutes=int(text[3:])) for text in window.split("-")
    )
    return opens, closes if closes > opens else closes + DAY


def due(case: Case, wanted: BusinessDay) -> datetime:
    calendar = case.calendar()
    return from_us(due_us(wanted, to_us(case.start), calendar, calendar))


@given(cases())
@settings(max_examples=60, deadline=None)
def test_business_days_end_at_the_same_time_of_a_later_day(case: Case) -> None:
    walk, calendar = Walk(case), case.calendar()
    day, at = walk.received()
    assert received(to_us(case.start), calendar, calendar) == (day, to_us(at))
    last = walk.day_after(day)
    time_of_day = at.astimezone(case.zone).replace(tzinfo=None) - datetime.combine(day, time())
    opens, closes = walk.spans[last]
    same = walk.clock_shows(datetime.combine(last, time()) + time_of_day)
    expected = min(max(same, opens), closes)
    assert due(case, BusinessDay(case.days, is_same_time=True)) == expected


@given(cases(), steps_of_a_day)
@settings(max_examples=60, deadline=None)
def test_a_time_of_a_business_day_counts_from_the_next_opening(case: Case, step: int) -> None:
    walk = Walk(case)
    day, _ = walk.received()
    last = walk.day_after(day)
    time_us = step * STEP // timedelta(microseconds=1)
    wanted = BusinessDay(case.days, time_us, is_from_opening=True)
    expected = walk.clock_shows(datetime.combine(last, time()) + step * STEP)
    assert due(case, wanted) == expected
    close = BusinessDay(case.days, is_from_opening=True)
    assert due(case, close) == walk.spans[last][1]


@given(cases(), st.integers(0, STEPS))
@settings(max_examples=60, deadline=None)
def test_what_is_received_later_is_not_due_earlier(case: Case, steps: int) -> None:
    case = case._replace(zone=ZoneInfo("UTC"))
    later = case._replace(start=case.start + steps * STEP)
    for wanted in (
        BusinessDay(case.days, is_same_time=True),
        BusinessDay(case.days, is_from_opening=True),
        BusinessDay(0, is_from_opening=True),
        BusinessDay(0, time_us=13 * 3_600_000_000),
        BusinessDay(case.days),
    ):
        assert case.start < due(case, wanted) <= due(later, wanted)
