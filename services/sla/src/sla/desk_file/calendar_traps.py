"""What a calendar says that is right by itself and probably not meant."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from itertools import pairwise

from pledge.runtime.desk_file.summary import stated
from pledge.runtime.desk_file.yaml_file import Steps
from pledge.runtime.desk_file.zones import summer_time_hint
from pledge.runtime.durations import parse_duration
from sla.desk_file.findings import Findings
from sla.desk_file.holiday_traps import check_holidays
from sla.desk_file.hours_parser import time_of_day
from sla.desk_file.model import PolicyFile
from sla.desk_file.rules import steps_of
from sla.domain.calendar.calendar import Calendar
from sla.domain.calendar.zones import DAY, MICROSECOND, SECOND
from sla.domain.policy.policy import Policy

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
_SINCE = date(2026, 1, 1)
_WEEKS = 8  # enough for the usual length of a day
_IN_DAYS = re.compile(r"\d\s*(d|days?|w|weeks?)(?![a-z])", re.IGNORECASE)
_ENDINGS = {2: "nd", 3: "rd"}
_COUNTED = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def check_calendars(file: PolicyFile, findings: Findings) -> None:
    """Warn of zones without summer time, missing minutes and holidays, in every calendar."""
    written: list[tuple[object, Steps]] = [
        (data, ("calendars", name)) for name, data in file.calendars.items()
    ]
    if file.customers is not None:
        of_customers = file.customers.calendars.items()
        written += [(data, ("customers", "calendars", name)) for name, data in of_customers]
    for data, at in written:
        for each, steps in _calendars(data, at):
            zone = each.get("timezone")
            if isinstance(zone, str) and (hint := summer_time_hint(zone)) is not None:
                findings.warn((*steps, "timezone"), f"`{zone}` has no summer time", hint)
            for key in ("hours", "exceptions", "breaks"):
                if isinstance(days := each.get(key), Mapping):
                    for day, windows in days.items():
                        _check_minutes(windows, (*steps, key, str(day)), findings)
            check_holidays(each, steps, file.effective_from, findings)


def check_days(file: PolicyFile, policy: Policy, findings: Findings) -> None:
    """Warn of days as a unit of what is counted on a calendar whose days are shorter."""
    for metric in policy.metrics:
        for target in (one for track in metric.tracks for one in track):
            for key in ("within", "expect"):
                _check_unit((*steps_of(target.rule), key), target.calendar, findings)
    for rule in policy.silences:
        _check_unit(("silences", rule.name, "quiet"), rule.calendar, findings)


def _calendars(data: object, steps: Steps) -> Iterator[tuple[Mapping[str, object], Steps]]:
    """A calendar and those that are written into it."""
    if not isinstance(data, Mapping):
        return
    yield data, steps
    for key in ("any_of", "all_of"):
        members = data.get(key)
        for index, member in enumerate(members if isinstance(members, list) else ()):
            yield from _calendars(member, (*steps, key, index))


def _check_minutes(data: object, steps: Steps, findings: Findings) -> None:
    """Windows that leave out the minute before midnight, or the one between two of them."""
    listed = data if isinstance(data, list) else [data]
    windows = [(window, index) for index, one in enumerate(listed) if (window := _window(one))]
    for (opens, closes), index in windows:
        at = (*steps, index) if isinstance(data, list) else steps
        if DAY - MINUTE <= closes < DAY and closes > opens:
            message = f"`{listed[index]}` leaves out the minute before midnight"
            findings.warn(at, message, f'write "{_text(opens)}-24:00"')
    ordered = sorted(windows)
    for ((opens, closes), _), ((following, _), index) in pairwise(ordered):
        if 0 < following - closes <= MINUTE:
            message = f"the minute from {_text(closes)} to {_text(following)} is left out"
            hint = f'write "{_text(opens)}-{_text(following)}"'
            findings.warn((*steps, index), message, hint)


def _window(data: object) -> tuple[int, int] | None:
    if not isinstance(data, str):
        return None
    ends = [time_of_day(part) for part in data.replace(" ", "").replace("–", "-").split("-")]
    if len(ends) != 2 or ends[0] is None or ends[1] is None:
        return None
    return ends[0], ends[1]


def _text(us: int) -> str:
    minutes, seconds = divmod(us // SECOND, 60)
    text = f"{minutes // 60:02d}:{minutes % 60:02d}"
    return f"{text}:{seconds:02d}" if seconds else text


def _check_unit(steps: Steps, calendar: Calendar, findings: Findings) -> None:
    said = stated(findings.document, *steps)
    if said is None or calendar.is_always or not _IN_DAYS.search(said.name):
        return
    within, length = parse_duration(said.name), usual_length(calendar)
    if within is None or not 0 < length < DAY:
        return
    us = within // MICROSECOND
    count, rest = divmod(us, length)
    number = _COUNTED[count] if count < len(_COUNTED) else str(count)
    about = f"{number} of its days" if not rest else f"more than {number} of its days"
    message = f"{said.name} is {us // HOUR} open hours of `{calendar.name}`, {about}"
    days = max(us // DAY, 1)
    hint = f"say {_short(length * days)}"
    if steps[-1] == "within":
        which = "next" if days == 1 else f"{days}{_ENDINGS.get(days, 'th')}"
        hint += f", {days}bd, or `by: close of {which} business day`"
    findings.warn(steps, message, hint)


def usual_length(calendar: Calendar) -> int:
    """How long the calendar is open on most of the days on which it opens; 0 if on none."""
    days = (_SINCE + timedelta(days=number) for number in range(_WEEKS * 7))
    lengths = Counter(sum(b - a for a, b in calendar.day(day)) for day in days)
    del lengths[0]
    return max(lengths, key=lambda length: (lengths[length], length), default=0)


def _short(us: int) -> str:
    hours, rest = divmod(us, HOUR)
    minutes = f"{rest // MINUTE}m" if rest else ""
    return f"{hours}h{minutes}" if hours else minutes
