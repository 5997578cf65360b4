"""What a desk's file says in business days that can't be, or may surprise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Literal

from pledge.runtime.desk_file.yaml_file import Steps
from sla.desk_file.hours_parser import WEEKDAYS
from sla.desk_file.model import TargetPart
from sla.domain.calendar.business_days import midnight_us, span, wall_clock_us
from sla.domain.calendar.calendar import Calendar
from sla.domain.calendar.hours import zone_of
from sla.domain.calendar.zones import SECOND, offset_at
from sla.domain.policy.rules import Target

Fail = Callable[[Steps, str, str | None, Literal["error", "warning"]], None]

SINCE = date(2026, 1, 1)  # what is looked at: some weeks for the hours, years for the clocks
WEEKS = 6
YEARS = 3


def check_business_days(
    target: Target, part: TargetPart, steps: Steps, fail: Fail, *, is_chosen: bool = False
) -> None:
    """Report business days without a calendar, `received` without them, and times of day at which
    the calendar is closed or which the clock skips. Of calendars that a condition chooses
    (`is_chosen`) one may be `always`: it matters only where the rule is reached with it."""
    due_key = "within" if part.within is not None else "by"
    dues = ((target.due, due_key), (target.expect, "expect"))
    given = [(due.by, key) for due, key in dues if due is not None and due.by is not None]
    if part.received is not None and all(one.is_same_time for one, _ in given):
        message = "`received` is for `by` a time of a business day"
        hint = "what is counted, and business days with `within`, begin at the next opening anyway"
        fail((*steps, "received"), message, hint, "error")
    for wanted, key in given:
        if target.calendar.is_always and is_chosen:
            continue
        if target.calendar.is_always:
            hint = "add e.g. calendar: office"
            fail((*steps, key), "business days need a calendar", hint, "error")
        elif wanted.time_us is not None:
            closing = target.closing or target.calendar
            _check_time(wanted.time_us, target.calendar, closing, (*steps, key), fail)


def _check_time(
    time_us: int, calendar: Calendar, closing: Calendar, steps: Steps, fail: Fail
) -> None:
    text = f"{time_us // (3600 * SECOND):02d}:{time_us // (60 * SECOND) % 60:02d}"
    if closed := _closed_on(time_us, calendar, closing):
        message = f"at {text} `{closing.name}` is closed on {', '.join(closed)}"
        hint = "the promise holds by the clock all the same; say `close of …` for the day's closing"
        fail(steps, message, hint, "warning")
    if day := _skipped_on(time_us, calendar, closing):
        message = f"on {day} the clock skips {text}"
        fail(steps, message, "due then as soon as the clock is past it", "warning")


def _closed_on(time_us: int, calendar: Calendar, closing: Calendar) -> list[str]:
    """The weekdays whose business days all begin after, or are over by, this time."""
    zone = zone_of(closing.hours)
    found: dict[int, bool] = {}
    for n in range(WEEKS * 7):
        day = SINCE + timedelta(days=n)
        if (hours := span(day, calendar, closing)) is not None:
            at = wall_clock_us(zone, midnight_us(day) + time_us)
            is_closed = not hours[0] <= at <= hours[1]
            found[day.weekday()] = found.get(day.weekday(), True) and is_closed
    return [WEEKDAYS[number] for number, is_closed in sorted(found.items()) if is_closed]


def _skipped_on(time_us: int, calendar: Calendar, closing: Calendar) -> date | None:
    """The first business day whose clock goes forward over this time."""
    zone = zone_of(closing.hours)
    for n in range(YEARS * 366):
        day = SINCE + timedelta(days=n)
        local = midnight_us(day) + time_us
        at = wall_clock_us(zone, local)
        if at + offset_at(zone, at) != local and span(day, calendar, closing) is not None:
            return day
    return None
