"""Zones and the instants at which their offset to UTC changes."""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
DAY = 86_400 * SECOND

_FIXED = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)


class UnknownZone(ValueError):
    """Neither an IANA name nor a fixed offset. `hint` may name what was meant."""

    def __init__(self, text: str, hint: str) -> None:
        self.hint = hint
        super().__init__(f"`{text}` is no time zone")


class Piece(NamedTuple):
    """A stretch of UTC, in microseconds, with one offset (local = UTC + offset)."""

    from_us: int
    to_us: int
    offset: int


def to_us(instant: datetime) -> int:
    """An aware instant as microseconds since 1970."""
    return (instant - EPOCH) // MICROSECOND


def from_us(us: int) -> datetime:
    """Microseconds since 1970 as an aware UTC instant."""
    # Exact: half a microsecond is more than the float is off by until the year 2242.
    return datetime.fromtimestamp(us / SECOND, UTC)


def instant_text(at: datetime) -> str:
    """An instant in UTC as ISO 8601 with `Z`, with a fraction only where there is one."""
    text = at.astimezone(UTC).replace(tzinfo=None).isoformat()
    return (text.rstrip("0") if "." in text else text) + "Z"


@lru_cache(maxsize=1024)
def zone(text: str) -> tzinfo:
    """`America/New_York`, `GMT-5`, `UTC+05:30` or `-05:00` as a zone. Raises UnknownZone.

    A fixed offset reads as people write it: `GMT-5` is five hours behind Greenwich (the opposite
    of the IANA name `Etc/GMT-5`).
    """
    if text.upper() in {"UTC", "GMT", "Z"}:
        return UTC
    if match := _FIXED.fullmatch(text.strip()):
        sign, hours, minutes = match.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if offset > timedelta(hours=18):
            raise UnknownZone(text, "offsets go up to 18 hours")
        return timezone(-offset if sign == "-" else offset)
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        near = difflib.get_close_matches(text, sorted(available_timezones()), n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else "write an IANA name such as Europe/Paris"
        raise UnknownZone(text, hint) from error


def offset_at(where: tzinfo, us: int) -> int:
    """Microseconds that the local time is ahead of UTC at an instant."""
    offset = from_us(us).astimezone(where).utcoffset()
    return 0 if offset is None else offset // MICROSECOND


def pieces(where: tzinfo, start: int, end: int) -> list[Piece]:
    """The stretches of constant offset that cover `[start, end)`.

    Offsets are probed once a day and the change bisected to the second, which is as fine as the
    tz database goes.
    """
    if isinstance(where, timezone):
        return [Piece(start, end, offset_at(where, start))]
    found: list[Piece] = []
    begin, offset, probe = start, offset_at(where, start), start
    while probe < end:
        following = min(probe + DAY, end)
        if (changed := offset_at(where, following)) != offset:
            at = _change(where, probe, following, offset)
            found.append(Piece(begin, at, offset))
            begin, offset = at, changed
        probe = following
    if begin < end:
        found.append(Piece(begin, end, offset))
    return found


def _change(where: tzinfo, before: int, after: int, offset: int) -> int:
    low, high = before // SECOND, -(-after // SECOND)
    while high - low > 1:
        middle = (low + high) // 2
        if offset_at(where, middle * SECOND) == offset:
            low = middle
        else:
            high = middle
    return high * SECOND
