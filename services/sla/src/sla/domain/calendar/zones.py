"""Zones and the instants at which their offset to UTC changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import NamedTuple

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND = 1_000_000
DAY = 86_400 * SECOND


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
