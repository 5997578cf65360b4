"""Business-time arithmetic on request: what `pledge sla calendar` answers, line by line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

from pledge.runtime.desk_file.yaml_file import Steps
from sla.desk_file.hours_parser import read_hours
from sla.domain.calendar.calendar import Calendar, NeverOpens
from sla.domain.calendar.hours import Hours
from sla.domain.calendar.zones import SECOND, from_us, instant_text, to_us

OPERATIONS = ("add", "between", "is_open")


class _Refused(ValueError):
    """The request can't be answered; the message says why."""


def answer_request(request: Mapping[str, object]) -> dict[str, object]:
    """Answer `{"id", "calendar", "op", "start", "end"?, "seconds"?}`.

    `add` gives the instant, in UTC, at which `seconds` of open time have passed since `start`;
    `between` the open seconds of `[start, end)`; `is_open` whether time counts at `start`. The
    answer is `{"id", "result"}`, or `{"id", "error"}` with what is wrong. Never raises.
    """
    answer: dict[str, object] = {"id": request.get("id")}
    try:
        answer["result"] = _result(request)
    except (_Refused, NeverOpens) as error:
        answer["error"] = str(error)
    return answer


def _result(request: Mapping[str, object]) -> object:
    operation = request.get("op")
    if operation not in OPERATIONS:
        raise _Refused(f"`op` is {', '.join(OPERATIONS[:-1])} or {OPERATIONS[-1]}")
    if "calendar" not in request:
        raise _Refused("`calendar` is missing")
    calendar = _calendar(json.dumps(request["calendar"], sort_keys=True, default=str))
    start = _instant(request, "start")
    calendar.next_open_us(start)  # one that never opens is wrong for every question
    if operation == "add":
        return instant_text(from_us(calendar.add_us(start, _microseconds(request))))
    if operation == "between":
        return _seconds(calendar.measure_us(start, _instant(request, "end")))
    return calendar.is_open_us(start)


@lru_cache(maxsize=256)
def _calendar(text: str) -> Calendar:
    problems: list[str] = []

    def report(steps: Steps, message: str, hint: str | None) -> None:
        where = ".".join(str(step) for step in steps)
        problems.append(f"{where or 'calendar'}: {message}" + (f" ({hint})" if hint else ""))

    def named(name: str, steps: Steps) -> Hours | None:
        report(steps, f"there is no calendar `{name}` here", "write the calendar out, or `always`")
        return None

    hours = read_hours(json.loads(text), report, named)
    if hours is None:
        raise _Refused("; ".join(problems) or "the calendar is wrong")
    return Calendar("calendar", hours)


def _instant(request: Mapping[str, object], name: str) -> int:
    value = request.get(name)
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise _Refused(f"`{name}` is an ISO 8601 instant with its offset, e.g. 2026-01-05T09:00Z")
    try:
        return to_us(found)
    except OverflowError as error:
        raise _Refused(f"`{name}` is out of range") from error


def _microseconds(request: Mapping[str, object]) -> int:
    value = request.get("seconds")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Refused("`seconds` is a number")
    if not 0 <= value <= timedelta.max.total_seconds() / 1000:
        raise _Refused("`seconds` is 0 or more, and within reason")
    return round(value * SECOND)


def _seconds(us: int) -> int | float:
    return us // SECOND if us % SECOND == 0 else us / SECOND
