"""Durations as people write them: the one syntax of desks' files and of the command line."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

LONGEST = timedelta(days=10 * 366)
EXPECTED = "should be a duration with its unit, such as 30s, 90m, 1h30m or 2d, of up to ten years"

_UNITS = {
    "milliseconds": ("ms", "millisecond", "milliseconds"),
    "seconds": ("s", "sec", "secs", "second", "seconds"),
    "minutes": ("m", "min", "mins", "minute", "minutes"),
    "hours": ("h", "hr", "hrs", "hour", "hours"),
    "days": ("d", "day", "days"),
    "weeks": ("w", "week", "weeks"),
}
_UNIT_NAMED = {name: unit for unit, names in _UNITS.items() for name in names}
_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)\s*([a-z]+)\s*")


def parse_duration(text: str) -> timedelta | None:
    """Read `30m`, `1h30m`, `2 days` or `1.5h`; None when it is none, or longer than ten years."""
    total, at = timedelta(0), 0
    text = text.strip().lower()
    if not text:
        return None
    while at < len(text):
        match = _PART.match(text, at)
        if match is None or match[2] not in _UNIT_NAMED:
            return None
        try:
            total += timedelta(**{_UNIT_NAMED[match[2]]: float(match[1])})
        except OverflowError:
            return None
        at = match.end()
    return total if total <= LONGEST else None


def _read(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    found = parse_duration(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(EXPECTED)
    return found


def _more_than_nothing(value: timedelta) -> timedelta:
    if not value:
        raise ValueError("should be a duration of more than nothing, such as 30s")
    return value


AnyDuration = Annotated[
    timedelta,
    BeforeValidator(_read),
    WithJsonSchema({"type": "string", "examples": ["30s", "90m", "1h30m", "2d"]}),
]
"""A duration, which may be nothing, written as `parse_duration` reads it."""

Duration = Annotated[AnyDuration, AfterValidator(_more_than_nothing)]
"""A duration of more than nothing."""
