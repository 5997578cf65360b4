"""Instants as the contract writes them: RFC 3339, all of it and nothing else, within bounds.

The bounds keep out what is no time at all: Go and .NET write `0001-01-01T00:00:00Z` for a time that
nobody set. Such an instant would be the oldest of a list and overdue for two thousand years.
"""

import re
from calendar import monthrange
from datetime import UTC, datetime
from functools import lru_cache

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
"""The first instant that an event may bring, unless `keep_instants_within` says a later one."""

LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""The first instant that is too late, unless `keep_instants_within` says an earlier one."""

# `date-time` of RFC 3339 §5.6, where `t` and `z` may be in lower case. The day of the month and the
# leap second need a look at the calendar.
_DATE_TIME = re.compile(
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"[Tt](?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_SECONDS = slice(17, 19)
_LEAP_SECOND = "60"


class NotAnInstant(ValueError):
    """The text is no RFC 3339 time."""


class OutOfBounds(ValueError):
    """The instant lies outside the years in which events happen."""


class _Bounds:
    """What this process takes; a class of its own, so that both ends change together."""

    earliest, latest = EARLIEST, LATEST


def keep_instants_within(earliest: datetime, latest: datetime) -> None:
    """Take instants from `earliest` up to, but without, `latest`, in this whole process.

    Raises ValueError for bounds wider than `EARLIEST` to `LATEST`, or without anything between.
    """
    if not EARLIEST <= earliest < latest <= LATEST:
        raise ValueError(f"bounds lie in order between {EARLIEST:%Y-%m-%d} and {LATEST:%Y-%m-%d}")
    _Bounds.earliest, _Bounds.latest = earliest.astimezone(UTC), latest.astimezone(UTC)
    bounded_instant.cache_clear()


# `ce_time`, `occurred_at` and mostly `recorded_at` of one event are one text.
@lru_cache(maxsize=256)
def bounded_instant(text: str) -> datetime:
    """As `parse_instant`, within the bounds."""
    return bounded(parse_instant(text))


def parse_instant(text: str) -> datetime:
    """The instant, in UTC, that an RFC 3339 time names, within bounds or not.

    Digits of a fraction beyond the sixth are cut off. `-00:00` is UTC. A leap second, which this
    calendar does not have, is the last microsecond before the next minute: the order stays.
    Raises NotAnInstant, or OutOfBounds for what no `datetime` in UTC can say.
    """
    if _DATE_TIME.fullmatch(text) is None:
        raise NotAnInstant("is no RFC 3339 time, such as 2026-03-02T17:00:00Z")
    if text[_SECONDS] == _LEAP_SECOND:
        return _leap_second(text)
    try:
        found = datetime.fromisoformat(text if text[-1] == "Z" else text.upper())
        return found if found.tzinfo is UTC else found.astimezone(UTC)
    except OverflowError as error:
        raise _out_of_bounds() from error
    except ValueError as error:
        if text.startswith("0000"):  # a year that RFC 3339 has and Python has not
            raise _out_of_bounds() from error
        raise NotAnInstant("names a day that its month does not have") from error


def bounded(instant: datetime) -> datetime:
    """The same aware instant in UTC. Raises OutOfBounds."""
    try:
        utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    except OverflowError as error:
        raise _out_of_bounds() from error
    if not _Bounds.earliest <= utc < _Bounds.latest:
        raise _out_of_bounds()
    return utc


def _leap_second(text: str) -> datetime:
    before = parse_instant(f"{text[:17]}59{text[19:]}")
    days = monthrange(before.year, before.month)[1]
    if (before.day, before.hour, before.minute) != (days, 23, 59):
        raise NotAnInstant("has a leap second where UTC has none: at the end of a month alone")
    return before.replace(microsecond=999_999)


def _out_of_bounds() -> OutOfBounds:
    first, last = _Bounds.earliest, _Bounds.latest
    years = f"{first:%Y-%m-%d} to {last:%Y-%m-%d}"
    return OutOfBounds(f"lies outside {years}, as a time that was never set does")
