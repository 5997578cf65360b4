"""Intervals that follow one another while nothing meets them: each missed one is a breach."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sla.domain.calendar.zones import from_us, to_us
from sla.domain.values import Assessment, Timer

MISSED = "interval_missed"
"""What starts the interval after one that was missed."""


def missed_us(timer: Timer | None) -> int | None:
    """When the interval is missed if nothing happens, in microseconds; None if it can't be."""
    if timer is None or timer.due_at is None:
        return None
    if timer.met_at is not None or timer.cancelled_at is not None:
        return None
    return to_us(timer.due_at)


def without_time_after(timer: Timer, at: int) -> Timer:
    """The timer of an interval that was missed: its time ends where the next one begins."""
    spans = tuple(
        (start, at if end is None or end > at else end, calendar, by, who)
        for start, end, calendar, by, who in timer.spans
        if start < at
    )
    return timer._replace(spans=spans or timer.spans)


def ended_at(timer: Timer) -> datetime | None:
    """When its cycle was over: met, cancelled, or missed and followed by the next interval."""
    done = timer.met_at or timer.cancelled_at
    if done is not None or not timer.spans:
        return done
    end = timer.spans[-1][1]
    return None if end is None else from_us(end)


def begun(
    assessment: Assessment, now: datetime, published: Collection[tuple[str, int]] = ()
) -> Sequence[Timer]:
    """The timers that have begun by `now`, and those foreseen that were `published` (by metric and
    cycle) at a later instant."""
    if not assessment.foreseen:
        return assessment.timers
    return [
        *assessment.timers,
        *(
            timer
            for timer in assessment.foreseen
            if timer.started_at <= now or (timer.metric, timer.cycle) in published
        ),
    ]
