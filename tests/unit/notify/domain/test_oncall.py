"""Hand-offs fall on the wall clock of the rotation's zone."""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from notify.domain.oncall import Period, Rotation, on_call

BERLIN = ZoneInfo("Europe/Berlin")
WEEKLY = Rotation(
    "weekly", ("anna", "ben"), Period.WEEKLY, BERLIN, date(2026, 1, 5), time(9, 0)
)  # a Monday


@pytest.mark.parametrize(
    ("at", "person"),
    [
        ("2026-01-05T09:00:00+01:00", "anna"),
        ("2026-01-12T08:59:59+01:00", "anna"),
        ("2026-01-12T09:00:00+01:00", "ben"),
        # Clocks went forward on 29 March: the hand-off stays at nine on the wall.
        ("2026-03-30T08:59:59+02:00", "ben"),
        ("2026-03-30T09:00:00+02:00", "anna"),
        # Before the first day the turns go on backwards.
        ("2026-01-05T08:59:59+01:00", "ben"),
    ],
)
def test_a_week_begins_on_the_first_days_weekday(at: str, person: str) -> None:
    assert on_call(WEEKLY, datetime.fromisoformat(at)) == person


def test_a_hand_off_in_the_hour_that_does_not_exist_happens_once() -> None:
    daily = Rotation("daily", ("anna", "ben"), Period.DAILY, BERLIN, date(2026, 3, 28), time(2, 30))

    assert on_call(daily, datetime.fromisoformat("2026-03-29T01:59:59+01:00")) == "anna"
    assert on_call(daily, datetime.fromisoformat("2026-03-29T03:29:59+02:00")) == "anna"
    assert on_call(daily, datetime.fromisoformat("2026-03-29T03:30:00+02:00")) == "ben"


def test_a_hand_off_in_the_hour_that_comes_twice_is_in_the_first() -> None:
    daily = Rotation(
        "daily", ("anna", "ben"), Period.DAILY, BERLIN, date(2026, 10, 24), time(2, 30)
    )

    assert on_call(daily, datetime.fromisoformat("2026-10-25T02:29:59+02:00")) == "anna"
    assert on_call(daily, datetime.fromisoformat("2026-10-25T02:30:00+02:00")) == "ben"
    assert on_call(daily, datetime.fromisoformat("2026-10-25T02:15:00+01:00")) == "ben"
