"""Hours and months on the wall clock of a zone, for reports that a database counts in UTC."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import NamedTuple

from sla.domain.calendar.zones import SECOND, from_us, pieces, to_us

_MORE_THAN_A_MONTH = timedelta(days=32)


class Stretch(NamedTuple):
    """From `start`, until the next stretch, a zone's clocks are `offset` seconds ahead of UTC."""

    start: datetime
    offset: int


def stretches(zone: tzinfo, start: datetime, end: datetime) -> list[Stretch]:
    """The stretches of constant offset that cover `[start, end)`, the first from `start`."""
    return [
        Stretch(from_us(piece.from_us), piece.offset // SECOND)
        for piece in pieces(zone, to_us(start), to_us(end))
    ]


def weekday_and_hour(hours: int) -> tuple[int, int]:
    """The weekday (1 is Monday) and the hour of the day of a number of wall-clock hours since
    1970 began, a Thursday."""
    days, hour = divmod(hours, 24)
    return (days + 3) % 7 + 1, hour


def months(zone: tzinfo, start: datetime, end: datetime) -> list[tuple[datetime, str]]:
    """From which instants on it is which month (`2026-11`) in a zone, through `[start, end)`.

    Where clocks are set back across a month's first midnight, a month comes twice.
    """
    found: list[tuple[datetime, str]] = []
    for piece in pieces(zone, to_us(start), to_us(end)):
        # What the wall clock shows, written as if it were UTC.
        local, last = from_us(piece.from_us + piece.offset), from_us(piece.to_us + piece.offset)
        at = piece.from_us
        while local < last:
            label = f"{local:%Y-%m}"
            if not found or found[-1][1] != label:
                found.append((from_us(at), label))
            local = (local.replace(day=1) + _MORE_THAN_A_MONTH).replace(
                day=1, hour=0, minute=0, second=0, microsecond=0
            )
            at = to_us(local) - piece.offset
    return found
