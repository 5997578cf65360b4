"""What other zone and holiday data change, in words."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import TypeVar

from sla.desk_file.calendar_data import CalendarData, recorded_zone
from sla.desk_file.holidays_parser import HALF_DAY
from sla.domain.calendar.hours import HolidaySet, RecordedHolidays
from sla.domain.calendar.outcome import HORIZON, offsets_of
from sla.domain.calendar.zones import SECOND, from_us, to_us

T = TypeVar("T")
Offsets = tuple[tuple[int, int], ...]

LAST_US = to_us(dt.datetime(HORIZON.stop, 1, 1, tzinfo=dt.UTC))
MOST_DAYS = 5  # that one set of holidays is described by


def changes_in_words(old: CalendarData, new: CalendarData, now: dt.datetime) -> list[str]:
    """A line for each zone and each holiday that is different, what is past last.

    Only what both have is compared: a zone or country that a desk's file names newly is a change of
    the file.
    """
    words: list[str] = []
    for name in sorted(old.zones.keys() & new.zones.keys()):
        if old.zones[name] != new.zones[name]:
            before = offsets_of(recorded_zone(name, old.zones[name]))
            after = offsets_of(recorded_zone(name, new.zones[name]))
            if before != after:
                words.append(_zone_words(name, before, after, to_us(now)))
    for which in old.holidays.keys() & new.holidays.keys():
        words += _holiday_words(which, old.holidays[which], new.holidays[which], now.date())
    return words


def _zone_words(name: str, before: Offsets, after: Offsets, now: int) -> str:
    """`Winnipeg no longer changes its clocks (from 2026-11-01): UTC-5`."""
    place = name.rpartition("/")[2].replace("_", " ")
    differences = list(_differences(before, after))
    since, until, was, becomes = next(
        (each for each in differences if each[1] > now), differences[0]
    )
    day = from_us(since).date().isoformat()
    if _changes(before, since) and not _changes(after, since):
        return f"{place} no longer changes its clocks (from {day}): {_utc(after[-1][1])}"
    if _changes(after, since) and not _changes(before, since):
        return f"{place} changes its clocks again (from {day})"
    end = "" if until == LAST_US else f" to {from_us(until).date().isoformat()}"
    more = len(differences) - 1 - differences.index((since, until, was, becomes))
    others = f", and {more} more time{'s' if more > 1 else ''} later" if more else ""
    return f"{place} is at {_utc(becomes)} instead of {_utc(was)} from {day}{end}{others}"


def _differences(before: Offsets, after: Offsets) -> Iterator[tuple[int, int, int, int]]:
    """The stretches of different offsets: since, until, what it was and what it is."""
    cuts = sorted({at for at, _ in (*before, *after)} | {LAST_US})
    found: list[tuple[int, int, int, int]] = []
    for start, stop in pairwise(cuts):
        was, becomes = _offset(before, start), _offset(after, start)
        if found and found[-1][1:] == (start, was, becomes):
            found[-1] = (found[-1][0], stop, was, becomes)
        elif was != becomes:
            found.append((start, stop, was, becomes))
    yield from found


def _offset(offsets: Offsets, at: int) -> int:
    return [offset for since, offset in offsets if since <= at][-1]


def _changes(offsets: Offsets, since: int) -> bool:
    """Whether clocks change after the difference has begun."""
    return any(at > since for at, _ in offsets)


def _utc(offset: int) -> str:
    minutes = abs(offset) // (60 * SECOND)
    hours, rest = divmod(minutes, 60)
    return f"UTC{'-' if offset < 0 else '+'}{hours}{f':{rest:02}' if rest else ''}"


def _holiday_words(
    which: HolidaySet, old: RecordedHolidays, new: RecordedHolidays, today: dt.date
) -> list[str]:
    """`2026-04-06 is a holiday now: Easter Monday`."""
    place = which.country + (f"-{which.subdivision}" if which.subdivision else "")
    kind = "half day" if HALF_DAY in which.categories else "holiday"
    names, worked = (_both(old.years, new.years), _both(old.worked_years, new.worked_years))
    changes = [(day, f"is a {kind} now: {now} ({place})") for day, was, now in names if not was]
    changes += [
        (day, f"is no {kind} any more: {was} ({place})") for day, was, now in names if not now
    ]
    changes += [(day, f"is worked now, for {now} ({place})") for day, was, now in worked if now]
    changes += [
        (day, f"is not worked any more, for {was} ({place})") for day, was, now in worked if not now
    ]
    changes.sort(key=lambda each: (each[0] < today, each))
    return _shortened(changes, place)


def _both(
    old: Mapping[int, Mapping[dt.date, T]], new: Mapping[int, Mapping[dt.date, T]]
) -> list[tuple[dt.date, T | None, T | None]]:
    """The days that are not the same, each as it was and as it is."""
    before = {day: found for days in old.values() for day, found in days.items()}
    after = {day: found for days in new.values() for day, found in days.items()}
    days = before.keys() | after.keys()
    each = ((day, before.get(day), after.get(day)) for day in days)
    return [(day, was, now) for day, was, now in each if was != now]


def _shortened(changes: Sequence[tuple[dt.date, str]], place: str) -> list[str]:
    words = [f"{day.isoformat()} {what}" for day, what in changes[:MOST_DAYS]]
    more = len(changes) - MOST_DAYS
    if more > 0:
        words.append(f"{more} more days of the holidays of {place} are different")
    return words
