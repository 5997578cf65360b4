"""Adding and measuring business time, beside what Python programs use for it today.

The same calendar, instants and budgets for all; the answers are compared before anything is timed.
"""

from __future__ import annotations

import datetime as dt
import timeit
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import businesstimedelta
import holidays
import pytz
import workclock
from business_duration import businessDuration

from bench.report import Row, at_most, times
from bench.rig import Rig
from bench.say import say
from sla.domain.calendar.calendar import Calendar
from sla.domain.calendar.hours import HolidaySet, Weekly
from sla.domain.calendar.zones import SECOND

ZONE = "America/New_York"
OPENS, CLOSES = dt.time(8, 30), dt.time(18)
FIRST = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
# From half an hour to four weeks: what support desks promise.
BUDGETS = tuple(timedelta(minutes=m) for m in (30, 60, 240, 480, 1_440, 2_400, 4_800, 9_600))
CASES = tuple(
    (FIRST + timedelta(hours=71 * n, minutes=n), BUDGETS[n % len(BUDGETS)]) for n in range(120)
)
REPEATS = 9


async def calendar(rig: Rig) -> list[Row]:
    """One desk's office hours with the public holidays of a country."""
    ours = _office()
    due = [ours.add(start, budget) for start, budget in CASES]
    add = _timed(lambda: [ours.add(start, budget) for start, budget in CASES])
    measure = _timed(lambda: [ours.measure(at[0], end) for at, end in zip(CASES, due, strict=True)])
    older, newer = _businesstimedelta(due), _workclock(due)
    measured = _business_duration(due)
    say(f"add: {add:.2f} µs, businesstimedelta {older:.0f}, workclock {newer:.2f}")
    say(f"measure: {measure:.2f} µs, business-duration {measured:.0f}")
    return [
        at_most("add_business_time", add, "µs", newer, limit=3),
        times("add_businesstimedelta", add, older, at_least=100),
        times("measure_business_duration", measure, measured, at_least=20),
        # The fastest we know of: its core is written in Rust.
        times("add_workclock", add, newer, at_least=8),
    ]


def _office() -> Calendar:
    def us(at: dt.time) -> int:
        return (at.hour * 3600 + at.minute * 60) * SECOND

    window = ((us(OPENS), us(CLOSES)),)
    week = (window,) * 5 + ((),) * 2
    return Calendar("office", Weekly(ZoneInfo(ZONE), week, (HolidaySet("US"),)))


def _holidays() -> holidays.HolidayBase:
    return holidays.country_holidays("US", years=range(2025, 2030), expand=False)


def _businesstimedelta(due: Sequence[datetime]) -> float:
    """Microseconds it takes to add."""
    zone = pytz.timezone(ZONE)
    working = businesstimedelta.WorkDayRule(OPENS, CLOSES, working_days=[0, 1, 2, 3, 4], tz=zone)
    closed = businesstimedelta.HolidayRule(_holidays(), tz=zone)
    rules = businesstimedelta.Rules([working, closed])
    cases = [
        (start.astimezone(pytz.utc), businesstimedelta.BusinessTimeDelta(rules, timedelta=budget))
        for start, budget in CASES
    ]
    _agree("businesstimedelta", [start + budget for start, budget in cases], due)
    return _timed(lambda: [start + budget for start, budget in cases], repeats=1)


def _workclock(due: Sequence[datetime]) -> float:
    """Microseconds it takes to add."""
    schedule = workclock.Schedule(
        [workclock.WorkDay(OPENS, CLOSES), workclock.Holidays(sorted(_holidays()))], time_zone=ZONE
    )
    _agree("workclock", [schedule.add(start, budget) for start, budget in CASES], due)
    return _timed(lambda: [schedule.add(start, budget) for start, budget in CASES])


def _business_duration(due: Sequence[datetime]) -> float:
    """Microseconds it takes to measure, which is all it does; it knows no zones."""
    zone, closed = ZoneInfo(ZONE), list(_holidays())
    cases = [
        (start.astimezone(zone).replace(tzinfo=None), end.astimezone(zone).replace(tzinfo=None))
        for (start, _), end in zip(CASES, due, strict=True)
    ]

    def measure() -> list[float]:
        return [
            businessDuration(start, end, OPENS, CLOSES, holidaylist=closed, unit="sec")
            for start, end in cases
        ]

    _agree("business-duration", measure(), [budget.total_seconds() for _, budget in CASES])
    return _timed(measure, repeats=1)


def _agree(name: str, theirs: Sequence[object], ours: Sequence[object]) -> None:
    """Raises RuntimeError when a peer counts otherwise than we do."""
    for case, their, our in zip(CASES, theirs, ours, strict=True):
        if their != our:
            raise RuntimeError(f"{name} gives {their} for {case}, we give {our}")


def _timed(work: Callable[[], object], repeats: int = REPEATS) -> float:
    """Microseconds for one case, in the quickest of several rounds."""
    return min(timeit.repeat(work, number=1, repeat=repeats)) / len(CASES) * 1e6
