"""A timer's life cut into stretches that counted and stretches that did not, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sla.domain.calendar import ALWAYS, Calendar
from sla.domain.counting import NO_PROMISE
from sla.domain.model import Segment, Timer
from sla.domain.zones import from_us, to_us

COUNTED = "counted"


def segments(
    timer: Timer, calendars: Mapping[str, Calendar], until: datetime
) -> tuple[Segment, ...]:
    """The stretches from its start to its end, or to `until` while it lasts.

    `why` is `counted`, `closed`, `break`, `holiday: <name>`, or `paused: <fact> by <whom>`.
    """
    found: list[Segment] = []
    end_us = to_us(until)
    for span in timer.spans:
        stop = end_us if span.to_us is None else min(span.to_us, end_us)
        if span.from_us >= stop:
            continue
        if span.paused_by == NO_PROMISE:
            _append(found, span.from_us, stop, "nothing was promised")
            continue
        if span.paused_by:
            by = f" by {span.who}" if span.who else ""
            _append(found, span.from_us, stop, f"paused: {span.paused_by}{by}")
            continue
        calendar = calendars.get(span.calendar, ALWAYS)
        for start, end, _, why in calendar.stretches(span.from_us, stop):
            _append(found, start, end, why)
    return tuple(found)


def _append(found: list[Segment], start: int, end: int, why: str) -> None:
    last = found[-1] if found else None
    if last is not None and last.why == why and last.to_at == from_us(start):
        found[-1] = Segment(last.from_at, from_us(end), why == COUNTED, why)
    else:
        found.append(Segment(from_us(start), from_us(end), why == COUNTED, why))


def used(timer: Timer, calendars: Mapping[str, Calendar], until: datetime) -> timedelta:
    """The time counted until `until` (or the timer's end), with what an earlier cycle used."""
    total, end_us = 0, to_us(until)
    for span in timer.spans:
        stop = end_us if span.to_us is None else min(span.to_us, end_us)
        if not span.paused_by and span.from_us < stop:
            total += calendars.get(span.calendar, ALWAYS).measure_us(span.from_us, stop)
    return timer.carried + timedelta(0, 0, total)
