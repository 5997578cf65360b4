"""When a target falls due, as a desk's file says it."""

from __future__ import annotations

import re
from datetime import timedelta

from pledge.runtime.desk_file.yaml_file import Steps
from pledge.runtime.durations import parse_duration
from sla.desk_file.hours_parser import Report
from sla.domain.calendar.calendar import Calendar
from sla.domain.calendar.durations import duration_words
from sla.domain.calendar.zones import MICROSECOND
from sla.domain.policy.rules import Due

_BY_CLOSE = re.compile(
    r"close of (?:the )?(same|next|[1-9]\d{0,2}(?:st|nd|rd|th)?)(?: next)? business day"
)
_BY_FIELD = re.compile(r"time given in ([a-z_]+)")


def due_within(within: timedelta, calendar: Calendar) -> Due:
    """Due when so much time has passed on `calendar`."""
    us = within // MICROSECOND
    kind = "round the clock" if calendar.is_always else f"of {calendar.name} time"
    return Due(within_us=us, within=within, words=f"{duration_words(us)} {kind}")


def read_due(text: str | None, calendar: Calendar, steps: Steps, fail: Report) -> Due | None:
    """`4h`, `close of next business day` or `time given in next_update_by`, on `calendar`.

    None without a text, and after reporting what is wrong with it.
    """
    if text is None:
        return None
    if within := parse_duration(text):
        return due_within(within, calendar)
    if match := _BY_FIELD.fullmatch(text):
        return Due(field=match[1], words=f"by the {text}")
    if match := _BY_CLOSE.fullmatch(text):
        if calendar.is_always:
            fail(steps, "business days need a calendar", "add e.g. calendar: office")
        days = {"same": 0, "next": 1}.get(match[1])
        days = int(re.sub(r"\D", "", match[1])) if days is None else days
        return Due(by_days=days, words=f"by {text}")
    hint = "e.g. 4h, close of next business day, close of 2nd business day"
    fail(steps, f"`{text}` is neither a duration nor a closing", hint)
    return None
