"""Builds the timer of one cycle from the promises in force during it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sla.domain.calendar.calendar import Calendar, NeverOpens
from sla.domain.calendar.zones import from_us
from sla.domain.policy.policy import Choice, Policy, Resolved, risk_parts
from sla.domain.policy.rules import Metric, Repeats, Target
from sla.domain.replay.cycle import Built, Cycle
from sla.domain.replay.elapsed_time import NO_PROMISE, Counted, InForce, stretches
from sla.domain.replay.revisions import revised
from sla.domain.values import Note, Span, Timer

NEVER = "its calendar is not open long enough: no timer"
NOT_PROMISED = "is not promised"
NOTHING_LEFT = "not resumed: its time was used up before"
NOTHING = timedelta()

Timeline = Sequence[tuple[int, Resolved]]
"""What was in force from when on."""


def build_timer(cycle: Cycle, policy: Policy, timeline: Timeline) -> Built:
    """The timer of one cycle, or None when nothing was ever promised for it."""
    built = _reckoned(cycle, policy, timeline)
    if not cycle.revisions:
        return built
    return revised(built, cycle.revisions, policy.metrics[cycle.metric])


def _reckoned(cycle: Cycle, policy: Policy, timeline: Timeline) -> Built:
    """The timer as the desk's file alone has it."""
    metric = policy.metrics[cycle.metric]
    entry = len(timeline) - 1 if cycle.last is None else cycle.last
    choice = timeline[entry][1].choice(cycle.metric, metric, cycle.bits)
    withdrawn: int | None = None
    while not choice.is_promise:
        # The promise was withdrawn; the one before it is what is cancelled.
        withdrawn, entry = timeline[entry][0], entry - 1
        if entry < cycle.first:
            return None, _not_promised(metric, choice)
        choice = timeline[entry][1].choice(cycle.metric, metric, cycle.bits)
    try:
        if (
            choice.is_plain
            and cycle.paused_since is None
            and not cycle.pauses
            and cycle.carried is None
            and (
                entry == cycle.first
                or (
                    (choice.is_one_calendar or _is_uniform(cycle, metric, choice, timeline, entry))
                    and not _has_gap(cycle, metric, timeline, entry)
                )
            )
        ):
            return _plain(cycle, metric, choice, withdrawn), None
        return _counted(cycle, metric, choice, timeline, entry, withdrawn)
    except NeverOpens:
        return None, Note(0, metric.name, NEVER)


def _not_promised(metric: Metric, choice: Choice) -> Note | None:
    """Which rule says that there is no timer, if one says so."""
    for target in choice.targets:
        if target is not None:
            line = f", line {target.rule.line}" if target.rule.line else ""
            return Note(0, metric.name, f"{NOT_PROMISED}, by rule {target.rule.number}{line}")
    return None


def _is_uniform(
    cycle: Cycle, metric: Metric, choice: Choice, timeline: Timeline, entry: int
) -> bool:
    """Whether the calendar of the promise in force now held all the time."""
    track, target = choice.promises[0]
    for number in range(cycle.first, entry):
        before = timeline[number][1].choice(cycle.metric, metric, cycle.bits).targets[track]
        if before is not None and (before.calendar is not target.calendar or not before.is_promise):
            return False
    return True


def _has_gap(cycle: Cycle, metric: Metric, timeline: Timeline, entry: int) -> bool:
    """Whether a promise that repeats was none for a while. It was not to be kept then: a first
    promise is due from the start, whichever rule turns out to hold."""
    return metric.repeats is not Repeats.NEVER and not all(
        timeline[number][1].choice(cycle.metric, metric, cycle.bits).is_promise
        for number in range(cycle.first, entry)
    )


def _plain(cycle: Cycle, metric: Metric, choice: Choice, withdrawn: int | None) -> Timer:
    """The usual case: one promise of a budget, on one calendar, never paused."""
    start, target = cycle.started, choice.promises[0][1]
    end = cycle.ended if withdrawn is None else withdrawn
    calendar = target.calendar
    due = expect = None
    warnings: Sequence[tuple[int, int]] = ()
    if target.due is not None:
        due = calendar.add_us(start, target.due.within_us or 0)
        if end is None and choice.risks:
            warnings = [(calendar.add_us(start, part), percent) for part, percent in choice.risks]
    if target.expect is not None:
        expect = calendar.add_us(start, target.expect.within_us or 0)
    spans: tuple[Span, ...] = ((start, end, calendar, "", ""),)
    return _timer(cycle, metric, target, due, expect, withdrawn, warnings, spans)


def _counted(
    cycle: Cycle,
    metric: Metric,
    choice: Choice,
    timeline: Timeline,
    entry: int,
    withdrawn: int | None,
) -> Built:
    """All other cases: each promise counted over the stretches of the cycle."""
    end = cycle.ended if withdrawn is None else withdrawn
    promises = _promises(cycle, metric, choice, timeline, entry, end)
    bound = promises[0]
    due, expect = bound.instant(bound.target.due), bound.instant(bound.target.expect)
    for other in promises[1:]:
        bound, due = _earlier(bound, due, other)
        expect = _earliest(expect, other.instant(other.target.expect))
    if cycle.carried is not None and not cycle.goes_on and bound.is_used_up:
        return None, Note(0, metric.name, NOTHING_LEFT)
    warnings: list[tuple[int, int]] = []
    if end is None and due is not None and metric.at_risk:
        warnings = bound.warnings(_parts(metric, bound, choice), due)
    spans = tuple(bound.stretches)
    timer = _timer(cycle, metric, bound.target, due, expect, withdrawn, warnings, spans)
    if bound.carried:
        timer = timer._replace(carried=timedelta(0, 0, bound.carried))
    return timer, None


def _promises(
    cycle: Cycle,
    metric: Metric,
    choice: Choice,
    timeline: Timeline,
    entry: int,
    end: int | None,
) -> list[Counted]:
    """Each promise in force at the end, counted over the cycle on the calendars of its track."""
    found: list[Counted] = []
    carried = _carried(cycle, metric, timeline) if cycle.carried is not None else None
    for track, target in choice.promises:
        calendars: list[InForce] = [(cycle.started, None, target.calendar)]
        if entry > cycle.first:
            calendars = _calendars(cycle, metric, track, timeline, entry)
        parts = stretches(cycle, end, calendars)
        found.append(Counted(cycle, target, parts, carried[track] if carried else 0))
    return found


def _calendars(
    cycle: Cycle, metric: Metric, track: int, timeline: Timeline, entry: int
) -> list[InForce]:
    """From when until when each calendar held.

    Time for which no rule said anything counts as what followed it, unless the promise repeats;
    time for which a rule took the promise away does not count.
    """
    found: list[InForce] = []  # the last one first
    until: int | None = None
    following: Calendar | None = None
    repeats = metric.repeats is not Repeats.NEVER
    for number in range(entry, cycle.first - 1, -1):
        at, resolved = timeline[number]
        since = at if at > cycle.started else cycle.started
        if since == until:
            continue  # it was in force for no time at all
        choice = resolved.choice(cycle.metric, metric, cycle.bits)
        target = choice.targets[track]
        if target is not None:
            following = target.calendar if target.is_promise else None
        calendar = None if repeats and not choice.is_promise else following
        if found and found[-1][2] is calendar:
            found[-1] = since, found[-1][1], calendar
        else:
            found.append((since, until, calendar))
        until = since
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


def _carried(cycle: Cycle, metric: Metric, timeline: Timeline) -> list[int]:
    """Per track, the time used in the cycles that this one resumes."""
    before, used = cycle.carried, [0] * len(metric.tracks)
    if before is None:
        return used
    entry = len(timeline) - 1 if before.last is None else before.last
    choice = timeline[entry][1].choice(before.metric, metric, before.bits)
    for counted in _promises(before, metric, choice, timeline, entry, before.ended):
        used[counted.target.track] = counted.used()
    return used


def _timer(
    cycle: Cycle,
    metric: Metric,
    target: Target,
    due: int | None,
    expect: int | None,
    withdrawn: int | None,
    warnings: Sequence[tuple[int, int]],
    spans: tuple[Span, ...],
) -> Timer:
    end, is_met = cycle.ended, cycle.is_met
    paused = cycle.paused_since if end is None else None
    reason = cycle.ended_by or (cycle.started_by if paused is None else cycle.paused_by)
    if withdrawn is not None:
        end, is_met, paused, reason = withdrawn, False, None, NO_PROMISE
    ended_at = None if end is None else from_us(end)
    words, expect_words, rule, calendar, budget = target.timer_fields
    # Positional: this runs for every timer of every fact that arrives.
    return Timer(
        metric.name,
        cycle.number,
        from_us(cycle.started),
        None if due is None else from_us(due),
        None if expect is None else from_us(expect),
        ended_at if is_met else None,
        None if is_met else ended_at,
        None if paused is None else from_us(paused),
        tuple([from_us(at) for at, _ in warnings]) if warnings else (),
        tuple([percent for _, percent in warnings]) if warnings else (),
        words,
        expect_words,
        rule,
        calendar,
        budget,
        NOTHING,
        spans,
        cycle.started_by,
        reason,
        metric.title,
    )


def _parts(metric: Metric, bound: Counted, choice: Choice) -> Sequence[tuple[int, int]]:
    if choice.risks:
        return choice.risks
    budget = bound.budget()
    return () if budget is None or budget <= 0 else risk_parts(metric, budget)
