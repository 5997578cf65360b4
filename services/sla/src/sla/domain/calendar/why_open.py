"""Why time counts, also what does not count in every week: half days, worked weekends."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

from sla.domain.calendar.hours import (
    EPOCH_DAY,
    AllOf,
    Always,
    AnyOf,
    Hours,
    Weekly,
    open_intervals,
)
from sla.domain.calendar.zones import DAY, offset_at

COUNTED = "counted"


def why_open(hours: Hours, start: int, end: int) -> list[tuple[int, int, str]]:
    """The stretches of an open interval, each with its reason: `counted`, alone or with what is
    special about the day."""
    match hours:
        case Always():
            return [(start, end, COUNTED)]
        case Weekly():
            return _by_day(hours, start, end)
        case AnyOf(members) | AllOf(members):
            return _of_members(members, start, end)


def _by_day(hours: Weekly, start: int, end: int) -> list[tuple[int, int, str]]:
    if not hours.holidays and hours.half_days is None:
        return [(start, end, COUNTED)]
    found: list[tuple[int, int, str]] = []
    at = start
    while at < end:
        offset = offset_at(hours.zone, at)
        number = (at + offset) // DAY
        following = min((number + 1) * DAY - offset, end)
        special = hours.special(dt.date.fromordinal(EPOCH_DAY + number))
        why = COUNTED if special is None else f"{COUNTED}: {special}"
        if found and found[-1][2] == why:
            found[-1] = (found[-1][0], following, why)
        else:
            found.append((at, following, why))
        at = following
    return found


def _of_members(members: tuple[Hours, ...], start: int, end: int) -> list[tuple[int, int, str]]:
    """What is special where no open member counts without it."""
    reasons: list[tuple[int, int, str]] = []
    for member in members:
        for opened, closed in open_intervals(member, start, end):
            reasons += why_open(member, opened, closed)
    if all(why == COUNTED for _, _, why in reasons):
        return [(start, end, COUNTED)]
    cuts = sorted({start, end, *(a for a, _, _ in reasons), *(b for _, b, _ in reasons)})
    found: list[tuple[int, int, str]] = []
    for a, b in pairwise(cuts):
        here = dict.fromkeys(why for x, y, why in reasons if x <= a and b <= y)
        special = [why for why in here if why != COUNTED]
        why = COUNTED if not special or COUNTED in here else "; ".join(special)
        if found and found[-1][2] == why:
            found[-1] = (found[-1][0], b, why)
        else:
            found.append((a, b, why))
    return found
