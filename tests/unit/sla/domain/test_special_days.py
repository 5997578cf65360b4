"""Days of a weekend that are worked for a day off, and half days: when they count, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sla.desk_file.hours_parser import read_hours
from sla.domain.calendar.calendar import Calendar
from sla.domain.calendar.special_days import worked_weekends
from support.guide import Row, example

HUNGARY: dict[str, Any] = {
    "timezone": "Europe/Budapest",
    "hours": {"mon-thu": ["08:00-16:30"], "fri": ["08:00-14:00"]},
    "holidays": {"countries": ["HU"]},
}


def calendar(spec: dict[str, Any]) -> Calendar:
    said: list[str] = []
    hours = read_hours(spec, lambda _, message, __: said.append(message), lambda *_: None)
    assert hours is not None, said
    return Calendar("test", hours)


def hours_on(spec: dict[str, Any], day: str) -> list[str]:
    """The open intervals of a date, in UTC."""
    opened = calendar(spec).day(datetime.fromisoformat(day).date())
    instants = [[datetime.fromtimestamp(us / 1e6, UTC) for us in one] for one in opened]
    return [f"{a:%H:%M}-{b:%H:%M}" for a, b in instants]


def test_a_worked_saturday_has_the_hours_of_the_day_off() -> None:
    assert hours_on(HUNGARY, "2026-08-21") == []  # Friday, the day off
    assert hours_on(HUNGARY, "2026-08-08") == ["06:00-12:00"]  # worked for it, like a Friday
    assert hours_on(HUNGARY, "2026-08-15") == []  # a usual Saturday


def test_a_day_off_without_hours_leaves_those_that_most_days_have() -> None:
    spec = {**HUNGARY, "hours": {"mon-thu": ["08:00-16:30"]}}
    assert hours_on(spec, "2026-08-08") == ["06:00-14:30"]


@pytest.mark.parametrize(
    ("change", "hours"),
    [
        ({"hours": {**HUNGARY["hours"], "sat": ["10:00-12:00"]}}, ["08:00-10:00"]),
        ({"exceptions": {"2026-08-08": []}}, []),
        ({"holidays": {"countries": ["HU"], "dates": ["2026-08-08"]}}, []),
        ({"holidays": {"countries": ["HU"], "worked_weekends": False}}, []),
        ({"holidays": {}}, []),
        ({"breaks": {"fri": ["09:00-10:00"]}}, ["06:00-07:00", "08:00-12:00"]),
    ],
)
def test_what_the_file_says_of_the_day_comes_first(
    change: dict[str, Any], hours: list[str]
) -> None:
    assert hours_on({**HUNGARY, **change}, "2026-08-08") == hours


def test_the_library_says_for_which_day_off_a_day_is_worked_also_across_years() -> None:
    assert {str(a): str(b) for a, b in worked_weekends("MM", None, 2026).items()} == {
        "2026-01-03": "2025-12-26"
    }
    assert worked_weekends("US", None, 2026) == {}


def test_half_days_before_holidays_in_the_list_and_by_date() -> None:
    half = {"hours": ["08:00-12:00"], "before": "holidays", "dates": {"2026-09-09": "fair"}}
    spec = {**HUNGARY, "half_days": half}
    assert hours_on(spec, "2026-08-19") == ["06:00-10:00"]  # before Saint Stephen's Day
    assert hours_on(spec, "2026-09-09") == ["06:00-10:00"]
    assert hours_on(spec, "2026-08-18") == ["06:00-14:30"]
    assert hours_on(spec, "2026-12-25") == []  # a holiday before a holiday
    assert hours_on(spec, "2026-08-15") == []  # no working day


def test_half_days_of_the_library() -> None:
    spec = {
        "timezone": "Atlantic/Reykjavik",
        "hours": {"mon-fri": ["09:00-17:00"]},
        "holidays": {"countries": ["IS"]},
        "half_days": {"hours": ["09:00-13:00"], "countries": ["IS"]},
    }
    assert hours_on(spec, "2026-12-24") == ["09:00-13:00"]
    assert hours_on(spec, "2026-12-23") == ["09:00-17:00"]


def test_half_days_of_the_whole_narrow_a_union() -> None:
    spec = {
        "any_of": [HUNGARY],
        "timezone": "Europe/Budapest",
        "half_days": {"hours": ["00:00-12:00"], "dates": ["2026-08-19"]},
    }
    assert hours_on(spec, "2026-08-19") == ["06:00-10:00"]


@pytest.mark.parametrize(
    ("half", "says"),
    [
        ({"before": "holidays"}, "half days need `hours`"),
        ({"hours": ["08:00-12:00"]}, "no half day is named"),
        ({"hours": ["08:00-12:00"], "before": "easter"}, "`before` is only `holidays`"),
        ({"hours": ["08:00-12:00"], "on": "x"}, "`half_days` has no `on`"),
        ({"hours": ["08:00-12:00"], "countries": ["DE"]}, "no such holidays"),
        ([], "`half_days` is a mapping"),
    ],
)
def test_mistakes_in_half_days_are_told(half: object, says: str) -> None:
    said: list[str] = []
    spec = {**HUNGARY, "half_days": half}
    assert read_hours(spec, lambda _, message, __: said.append(message), lambda *_: None) is None
    assert any(says in one for one in said), said


def test_the_explanation_names_what_is_special() -> None:
    spec = {**HUNGARY, "half_days": {"hours": ["08:00-12:00"], "before": "holidays"}}
    start = datetime(2026, 8, 7, 10, tzinfo=UTC)

    def whys(start: datetime, days: int) -> list[str]:
        from_us = int(start.timestamp()) * 1_000_000
        end_us = int((start + timedelta(days=days)).timestamp()) * 1_000_000
        return [why for _, _, _, why in calendar(spec).stretches(from_us, end_us)]

    assert whys(start, 2) == [
        "counted",
        "closed",
        "counted: working day for Friday 2026-08-21",
        "closed",
    ]
    assert whys(datetime(2026, 8, 19, 5, tzinfo=UTC), 1) == [
        "closed",
        "counted: half day: the day before State Foundation Day",
        "half day: the day before State Foundation Day",
        "holiday: State Foundation Day",
    ]
    both = {"any_of": [spec, {**HUNGARY, "holidays": {}}]}
    from_us = int(start.timestamp()) * 1_000_000
    found = calendar(both).stretches(from_us, from_us + 86_400_000_000)
    assert [why for _, _, is_open, why in found if is_open] == [
        "counted",
        "counted: working day for Friday 2026-08-21",
    ]


GUIDE = example("Half days and worked weekends")


@pytest.mark.parametrize("row", GUIDE.rows, ids=lambda row: row.opened)
def test_due_time_of_the_guide_is_what_comes_out(row: Row) -> None:
    assert GUIDE.story(row).due(row.metric) == row.due


def test_the_guide_has_its_rows() -> None:
    assert len(GUIDE.rows) == 3
