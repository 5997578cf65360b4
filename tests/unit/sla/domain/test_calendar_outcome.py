"""What holidays make of a calendar is found by looking at the days that may differ."""

from __future__ import annotations

import datetime as dt

import pytest

from sla.desk_file.hours_parser import read_hours
from sla.domain.calendar.hours import Hours, Weekly
from sla.domain.calendar.outcome import HORIZON, outcomes

HOURS = {"mon-fri": ["09:00-17:00"], "sat": ["10:00-12:00"]}
WHOLE_DAY = {"mon-fri": ["09:00-17:00"]}


@pytest.mark.parametrize(
    "more",
    [
        {"holidays": {"countries": ["US", "CA-QC"]}},
        {"holidays": {"countries": ["CN"]}, "hours": WHOLE_DAY},  # weekends that are worked
        {"holidays": {"countries": ["FR"], "yearly": ["12-24", "02-29"], "dates": ["2027-05-15"]}},
        {
            "holidays": {"countries": ["DE-BY"]},
            "exceptions": {"2026-12-24": ["09:00-12:00"], "2026-12-25": ["09:00-12:00"]},
        },
    ],
)
def test_no_day_of_the_horizon_that_differs_is_missed(more: dict[str, object]) -> None:
    def fail(*problem: object) -> None:
        raise AssertionError(problem)

    def named(name: str, steps: object) -> Hours | None:
        raise AssertionError(name)

    hours = read_hours({"timezone": "Asia/Tokyo", "hours": HOURS, **more}, fail, named)
    assert isinstance(hours, Weekly)
    (found,) = outcomes(hours)
    day, expected = dt.date(HORIZON.start, 1, 1), []
    while day.year in HORIZON:
        if (windows := hours.windows(day)) != hours.week[day.weekday()]:
            expected.append((day.isoformat(), windows))
        day += dt.timedelta(days=1)
    assert list(found.days) == expected
