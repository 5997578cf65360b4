"""A timer's time cut into stretches that counted and stretches that did not, with the reason."""

from __future__ import annotations

from datetime import datetime, timedelta

from sla.domain.calendar.zones import from_us, to_us
from sla.domain.replay.elapsed_time import NO_PROMISE
from sla.domain.values import Segment, Timer


def segments(timer: Timer, until: datetime) -> tuple[Segment, ...]:
    """The stretches from its start to its end, or to `until` while it lasts.

    `why` is `counted` (with what is special about the day), `closed`, `break`, `holiday: <name>`,
    `half day: <name>`, or `paused: <fact> by <whom>`.
    """
    found: list[Segment] = []
    end_us = to_us(until)
    for first, last, calendar, paused_by, who in timer.spans:
        stop = end_us if last is None else min(last, end_us)
        if first >= stop:
            continue
        if paused_by == NO_PROMISE:
            _append(found, first, stop, "nothing was promised")
        elif paused_by:
            by = f" by {who}" if who else ""
            _append(found, first, stop, f"paused: {paused_by}{by}")
        else:
            for start, end, is_counted, why in calendar.stretches(first, stop):
                _append(found, start, end, why, is_counted=is_counted)
    return tuple(found)


def _append(
    found: list[Segment], start: int, end: int, why: str, *, is_counted: bool = False
) -> None:
    last = found[-1] if found else None
    if last is not None and last.why == why and last.to_at == from_us(start):
        found[-1] = Segment(last.from_at, from_us(end), is_counted, why)
    else:
        found.append(Segment(from_us(start), from_us(end), is_counted, why))


def used(timer: Timer, until: datetime) -> timedelta:
    """The time counted until `until` (or the timer's end), with what an earlier cycle used."""
    total, end_us = 0, to_us(until)
    for first, last, calendar, paused_by, _ in timer.spans:
        stop = end_us if last is None else min(last, end_us)
        if not paused_by and first < stop:
            total += calendar.measure_us(first, stop)
    return timer.carried + timedelta(0, 0, total)
