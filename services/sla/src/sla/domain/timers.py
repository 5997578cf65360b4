"""The timer that follows from one cycle's run and the promises in force during it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sla.domain.calendar import Calendar, NeverOpens
from sla.domain.counting import NO_PROMISE, Counted, InForce, stretches
from sla.domain.model import Note, Span, Timer
from sla.domain.policy import Choice, Policy, Resolved, risk_parts
from sla.domain.promises import Metric, Target
from sla.domain.run import Run
from sla.domain.zones import EPOCH, from_us

NEVER = "its calendar is not open long enough: no timer"
NOTHING_LEFT = "not resumed: its time was used up before"
NOTHING = timedelta()

Timeline = Sequence[tuple[int, Resolved]]
"""What was in force from when on."""


def build_timer(run: Run, policy: Policy, timeline: Timeline, notes: list[Note]) -> Timer | None:
    """The timer of one cycle, or None when nothing was ever promised for it."""
    metric = policy.metrics[run.metric]
    try:
        return _timer(run, metric, timeline, notes)
    except NeverOpens:
        notes.append(Note(0, metric.name, NEVER))
        return None


def _timer(run: Run, metric: Metric, timeline: Timeline, notes: list[Note]) -> Timer | None:
    entry = len(timeline) - 1 if run.last is None else run.last
    choice = timeline[entry][1].choice(run.metric, metric, run.bits)
    withdrawn: int | None = None
    while not choice.is_promise:
        # The promise was taken away; what held before tells what is cancelled.
        withdrawn, entry = timeline[entry][0], entry - 1
        if entry < run.first:
            return None
        choice = timeline[entry][1].choice(run.metric, metric, run.bits)
    end = run.ended if withdrawn is None else withdrawn
    if (
        choice.is_plain
        and not run.pauses
        and run.paused_since is None
        and run.carried is None
        and (
            entry == run.first
            or choice.is_one_calendar
            or _is_uniform(run, metric, choice, timeline, entry)
        )
    ):
        return _plain(run, metric, choice, end, withdrawn)
    promises = _counted(run, metric, choice, timeline, entry, end)
    bound, due = promises[0], promises[0].instant(promises[0].target.due)
    expect = bound.instant(bound.target.expect)
    for other in promises[1:]:
        bound, due = _earlier(bound, due, other)
        expect = _earliest(expect, other.instant(other.target.expect))
    budget = None if run.carried is None else bound.budget()
    if budget is not None and bound.carried >= budget:
        notes.append(Note(0, metric.name, NOTHING_LEFT))
        return None
    warnings: list[tuple[int, int]] = []
    if end is None and due is not None and metric.at_risk:
        warnings = bound.warnings(_parts(metric, bound, choice), due)
    spans = [Span(a, b, calendar.name, by, who) for a, b, calendar, by, who in bound.stretches]
    timer = _told(run, metric, bound.target, due, expect, end, withdrawn, warnings, spans)
    return timer._replace(carried=timedelta(0, 0, bound.carried)) if bound.carried else timer


def _is_uniform(run: Run, metric: Metric, choice: Choice, timeline: Timeline, entry: int) -> bool:
    """Whether the calendar of the promise in force now held all the time."""
    track, target = choice.promises[0]
    for number in range(run.first, entry):
        before = timeline[number][1].choice(run.metric, metric, run.bits).targets[track]
        if before is not None and (before.calendar is not target.calendar or not before.is_promise):
            return False
    return True


def _plain(
    run: Run, metric: Metric, choice: Choice, end: int | None, withdrawn: int | None
) -> Timer:
    """The usual case: one promise of so much time, on one calendar, never paused."""
    start, target = run.started, choice.promises[0][1]
    add_us = target.calendar.add_us
    due = expect = None
    warnings: list[tuple[int, int]] = []
    if target.due is not None:
        due = add_us(start, target.due.within_us or 0)
        if end is None:
            warnings = [(add_us(start, part), percent) for part, percent in choice.risks]
    if target.expect is not None:
        expect = add_us(start, target.expect.within_us or 0)
    spans = [Span(start, end, target.calendar.name, "", "")]
    return _told(run, metric, target, due, expect, end, withdrawn, warnings, spans)


def _counted(
    run: Run,
    metric: Metric,
    choice: Choice,
    timeline: Timeline,
    entry: int,
    end: int | None,
) -> list[Counted]:
    """Each promise in force at the end, counted over the life on the calendars of its track."""
    found: list[Counted] = []
    carried = _carried(run, metric, timeline) if run.carried is not None else None
    for track, target in choice.promises:
        calendars: list[InForce] = [(run.started, target.calendar)]
        if entry > run.first:
            calendars = _calendars(run, metric, track, timeline, entry)
        lived = stretches(run, end, calendars)
        found.append(Counted(run, target, lived, carried[track] if carried else 0))
    return found


def _calendars(
    run: Run, metric: Metric, track: int, timeline: Timeline, entry: int
) -> list[InForce]:
    """From when each calendar held.

    Time for which no rule said anything counts as what followed it; time for which a rule took
    the promise away does not count.
    """
    found: list[InForce] = []
    for number in range(entry, run.first - 1, -1):
        at, resolved = timeline[number]
        target = resolved.choice(run.metric, metric, run.bits).targets[track]
        calendar: Calendar | None = None
        if target is None:
            calendar = found[-1][1]
        elif target.is_promise:
            calendar = target.calendar
        at = max(at, run.started)
        if found and (found[-1][1] is calendar or found[-1][0] == at):
            calendar = found.pop()[1]
        found.append((at, calendar))
    found.reverse()
    return found


def _earlier(bound: Counted, due: int | None, other: Counted) -> tuple[Counted, int | None]:
    """The promise that binds: the earliest due instant, or else one that can be breached."""
    at = other.instant(other.target.due)
    if at is not None and (due is None or at < due):
        return other, at
    if due is None and bound.target.due is None and other.target.due is not None:
        return other, None
    return bound, due


def _earliest(one: int | None, other: int | None) -> int | None:
    return other if one is None else one if other is None else min(one, other)


def _carried(run: Run, metric: Metric, timeline: Timeline) -> list[int]:
    """Per track, the time used in the cycles that this one resumes; counted budgets only."""
    before, used = run.carried, [0] * len(metric.tracks)
    if before is None:
        return used
    entry = len(timeline) - 1 if before.last is None else before.last
    choice = timeline[entry][1].choice(before.metric, metric, before.bits)
    for counted in _counted(before, metric, choice, timeline, entry, before.ended):
        due = counted.target.due
        if due is None or due.within_us is not None:
            used[counted.target.track] = counted.used()
    return used


def _told(
    run: Run,
    metric: Metric,
    target: Target,
    due: int | None,
    expect: int | None,
    end: int | None,
    withdrawn: int | None,
    warnings: list[tuple[int, int]],
    spans: list[Span],
) -> Timer:
    # Positional: this runs for every timer of every fact that arrives.
    paused = run.paused_since if end is None else None
    is_met = run.is_met and withdrawn is None
    ended_at = None if end is None else EPOCH + timedelta(0, 0, end)
    if withdrawn is not None:
        reason = NO_PROMISE
    else:
        reason = run.ended_by or (run.started_by if paused is None else run.paused_by)
    return Timer(
        metric.name,
        run.cycle,
        EPOCH + timedelta(0, 0, run.started),
        None if due is None else EPOCH + timedelta(0, 0, due),
        None if expect is None else EPOCH + timedelta(0, 0, expect),
        ended_at if is_met else None,
        None if is_met else ended_at,
        None if paused is None else from_us(paused),
        tuple([from_us(at) for at, _ in warnings]) if warnings else (),
        tuple([percent for _, percent in warnings]) if warnings else (),
        "" if target.due is None else target.due.words,
        "" if target.expect is None else target.expect.words,
        target.rule,
        target.calendar.name,
        None if target.due is None else target.due.within,
        NOTHING,
        tuple(spans),
        run.started_by,
        reason,
        metric.title,
    )


def _parts(metric: Metric, bound: Counted, choice: Choice) -> Sequence[tuple[int, int]]:
    if choice.risks:
        return choice.risks
    budget = bound.budget()
    return () if budget is None or budget <= 0 else risk_parts(metric, budget)
