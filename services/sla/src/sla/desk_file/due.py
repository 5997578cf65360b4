"""When a target falls due, as a desk's file says it."""

from __future__ import annotations

import re
from datetime import timedelta

from pledge.runtime.desk_file.yaml_file import Steps
from pledge.runtime.durations import parse_duration
from sla.desk_file.business_days import BusinessDays, business_days
from sla.desk_file.hours_parser import Report, time_of_day
from sla.desk_file.model import Received, TargetPart
from sla.domain.calendar.business_days import BusinessDay
from sla.domain.calendar.calendar import Calendar
from sla.domain.calendar.durations import duration_words
from sla.domain.calendar.zones import DAY, MICROSECOND
from sla.domain.policy.rules import Due

FROM_OPENING = "outside hours counted from the next opening"

_DAY = r"(?:the )?(same|next|[1-9]\d{0,2}(?:st|nd|rd|th)?)(?: next)? business day"
_BY_CLOSE = re.compile(f"close of {_DAY}")
_BY_TIME = re.compile(rf"(\d{{1,2}}:\d{{2}}) (?:of|on) {_DAY}")
FIELD_GIVEN = re.compile(r"time given in ([a-z_]+)")


def read_dues(
    part: TargetPart, received: Received | None, calendar: Calendar, steps: Steps, fail: Report
) -> tuple[Due | None, Due | None]:
    """What a target promises, and what it expects; `received` is its metric's."""
    is_from_opening = (part.received or received) is not None

    def read(key: str, text: str | None) -> Due | None:
        return read_due(text, calendar, (*steps, key), fail, is_from_opening=is_from_opening)

    due = read("by", part.by) if part.within is None else due_within(part.within, calendar)
    return due, read("expect", part.expect)


def due_within(within: timedelta | BusinessDays, calendar: Calendar) -> Due:
    """Due when so much time, or so many business days, have passed on `calendar`."""
    if isinstance(within, BusinessDays):
        unit = "business day" if within.days == 1 else "business days"
        words = f"{within.days} {unit} of {calendar.name}"
        return Due(by=BusinessDay(within.days, is_same_time=True), words=words)
    us = within // MICROSECOND
    kind = "round the clock" if calendar.is_always else f"of {calendar.name} time"
    return Due(within_us=us, within=within, words=f"{duration_words(us)} {kind}")


def read_due(
    text: str | None,
    calendar: Calendar,
    steps: Steps,
    fail: Report,
    *,
    is_from_opening: bool = False,
) -> Due | None:
    """`4h`, `3bd`, `close of next business day`, `12:00 of the next business day` or `time given in
    next_update_by`, on `calendar`.

    None without a text, and after reporting what is wrong with it. `is_from_opening`: what is
    received outside hours counts from the next opening.
    """
    if text is None:
        return None
    within = parse_duration(text) or business_days(text)
    if within:
        return due_within(within, calendar)
    if match := FIELD_GIVEN.fullmatch(text):
        return Due(field=match[1], words=f"by the {text}")
    time_us: int | None = None
    if match := _BY_TIME.fullmatch(text):
        time_us = time_of_day(match[1])
        if time_us is None or time_us >= DAY:
            fail(steps, f"`{match[1]}` is no time of day", "e.g. 12:00 of the next business day")
    else:
        match = _BY_CLOSE.fullmatch(text)
    if match is None:
        hint = "e.g. 4h, 3bd, close of next business day, 12:00 of the 2nd business day"
        fail(steps, f"`{text}` is neither a duration nor a closing or time of a business day", hint)
        return None
    word = match[match.lastindex or 1]
    days = {"same": 0, "next": 1}.get(word)
    days = int(re.sub(r"\D", "", word)) if days is None else days
    words = f"by {text}, {FROM_OPENING}" if is_from_opening else f"by {text}"
    return Due(by=BusinessDay(days, time_us, is_from_opening=is_from_opening), words=words)
