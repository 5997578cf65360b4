"""What to publish: the difference between what was told and what is now known.

Within a cycle a timer is started once, at risk once per threshold, and ends once: met, breached
or cancelled. A late fact that proves a breach wrong retracts it; what follows from the fact is
told after the retraction. What is met after it was breached stays breached.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from sla.domain.model import (
    Assessment,
    Change,
    ChangeKind,
    Difference,
    Published,
    PublishedSilence,
    Silence,
    State,
    Timer,
    Told,
)
from sla.domain.zones import from_us

OVERDUE = "not_met_by_due"
MET_LATE = "met_after_due"
MET_IN_TIME = "met_in_time"
LATE_FACT = "late_fact"
NO_LONGER = "no_longer_applies"

CAUSES: Mapping[str, str] = {
    "triaged": "severity_changed",
    "plan_changed": "plan_changed",
    "scope_decided": "scope_changed",
    "entitlement_decided": "entitlement_changed",
    "waiting_on_provider": "waiting_on_provider",
    "requester_replied": "requester_replied",
}
"""Why a due instant moved, by the newest fact; any other is `late_fact`."""


def diff(told: Told, assessment: Assessment, now: datetime, cause: str | None = None) -> Difference:
    """The changes to publish, in order, and what will have been told afterwards.

    `now` is an instant up to which all facts of the ticket are known: what is due later is not
    yet missed. `cause` names why instants moved where it is not the newest fact (a policy
    version). Telling the same twice gives no change the second time.
    """
    cause = cause or CAUSES.get(assessment.newest, LATE_FACT)
    before = {(one.metric, one.cycle): one for one in told.timers}
    changes: list[Change] = []
    after: list[Published] = []
    for timer in assessment.timers:
        known = before.pop((timer.metric, timer.cycle), None)
        found, published = _timer_changes(known, timer, now, cause)
        changes += found
        after.append(published)
    for gone in before.values():
        found, published = _gone(gone, now)
        changes += found
        after.append(published)
    silences: list[PublishedSilence] = []
    quiet = {one.rule: one for one in told.silences}
    for silence in assessment.silences:
        found, kept = _silence_changes(quiet.get(silence.rule), silence, now)
        changes += found
        silences += kept
    new = Told(tuple(after), tuple(silences))
    return Difference(tuple(changes), new, next_wake(new, assessment))


def next_wake(told: Told, assessment: Assessment) -> datetime | None:
    """The earliest instant at which something will be to tell without a new fact, or None."""
    states = {(one.metric, one.cycle): one for one in told.timers}
    quiet = {one.rule: one for one in told.silences}
    found: list[datetime] = []
    for timer in assessment.timers:
        published = states.get((timer.metric, timer.cycle))
        if published is None or published.state is State.RUNNING:
            sent = published.at_risk_sent if published else 0
            found += [at for at, percent in _thresholds(timer) if percent > sent]
            if timer.due_at is not None:
                found.append(timer.due_at)
    for silence in assessment.silences:
        known = quiet.get(silence.rule)
        if silence.warn_at is not None and not (known and known.is_warned):
            found.append(silence.warn_at)
        if silence.elapses_at is not None and not (known and known.is_elapsed):
            found.append(silence.elapses_at)
    return min(found, default=None)


def _thresholds(timer: Timer) -> Iterator[tuple[datetime, int]]:
    return zip(timer.at_risk_at, timer.at_risk_percents, strict=True)


def _timer_changes(
    known: Published | None, timer: Timer, now: datetime, cause: str
) -> tuple[list[Change], Published]:
    state = timer.state_at(_known_until(known, timer, now))
    changes: list[Change] = []
    if known is None:
        changes.append(_change(timer, ChangeKind.STARTED, timer.started_at, timer.started_by))
        known = Published(timer.metric, timer.cycle, State.RUNNING, timer.due_at, timer.expect_at)
    if known.state is State.BREACHED:
        if state is State.BREACHED:
            return changes, known  # it breached once; when exactly is not told again
        reason = MET_IN_TIME if state is State.MET else cause
        retracted = _change(timer, ChangeKind.BREACH_RETRACTED, now, reason)
        changes.append(replace(retracted, due_at=known.due_at))
    if (entered := _entered(known, timer, state, now, cause)) is not None:
        changes.append(entered)
    sent = known.at_risk_sent
    if state is State.RUNNING:
        for at, percent in _thresholds(timer):
            if at <= now and percent > sent:
                warned = _change(timer, ChangeKind.AT_RISK, at, f"{percent}_percent_used")
                changes.append(replace(warned, percent=percent))
                sent = percent
    return changes, replace(
        known, state=state, due_at=timer.due_at, expect_at=timer.expect_at, at_risk_sent=sent
    )


def _change(timer: Timer, kind: ChangeKind, at: datetime, reason: str) -> Change:
    return Change(kind, timer.metric, timer.cycle, at, reason, timer)


def _entered(
    known: Published, timer: Timer, state: State, now: datetime, cause: str
) -> Change | None:
    """What tells that the timer is now in `state`, or None when that was told."""
    if state is State.RUNNING:
        if known.state is State.PAUSED:
            return _change(timer, ChangeKind.RESUMED, _resumed_at(timer), cause)
        if known.state is not State.RUNNING or _moved(known, timer):
            return _change(timer, ChangeKind.RESCHEDULED, now, cause)
        return None
    if known.state is state:
        return None
    if state is State.PAUSED:
        return _change(timer, ChangeKind.PAUSED, timer.paused_since or now, timer.reason)
    if state is State.MET:
        return _change(timer, ChangeKind.MET, timer.met_at or now, timer.reason)
    if state is State.CANCELLED:
        return _change(timer, ChangeKind.CANCELLED, timer.cancelled_at or now, timer.reason)
    reason = OVERDUE if timer.met_at is None else MET_LATE
    return _change(timer, ChangeKind.BREACHED, timer.due_at or now, reason)


def _known_until(known: Published | None, timer: Timer, now: datetime) -> datetime:
    """`now`, or later where more is known: what happened, and what was told, has happened."""
    told = known.due_at if known is not None and known.state is State.BREACHED else None
    happened = (timer.met_at, timer.cancelled_at, timer.paused_since, told)
    return max([now, *(at for at in happened if at is not None)])


def _moved(known: Published, timer: Timer) -> bool:
    return known.due_at != timer.due_at or known.expect_at != timer.expect_at


def _resumed_at(timer: Timer) -> datetime:
    return from_us(timer.spans[-1].from_us) if timer.spans else timer.started_at


def _gone(known: Published, now: datetime) -> tuple[list[Change], Published]:
    """A cycle that was told of and, by a late fact, never was."""
    changes: list[Change] = []
    if known.state in (State.MET, State.CANCELLED):
        return changes, known
    where = (known.metric, known.cycle, now, NO_LONGER)
    if known.state is State.BREACHED:
        changes.append(Change(ChangeKind.BREACH_RETRACTED, *where, due_at=known.due_at))
    changes.append(Change(ChangeKind.CANCELLED, *where))
    return changes, replace(known, state=State.CANCELLED, due_at=None)


def _silence_changes(
    known: PublishedSilence | None, silence: Silence, now: datetime
) -> tuple[list[Change], list[PublishedSilence]]:
    if silence.elapses_at is None or silence.warn_at is None:
        return [], []
    if known is None or known.elapses_at != silence.elapses_at:
        known = PublishedSilence(
            silence.rule, silence.elapses_at, is_warned=False, is_elapsed=False
        )
    changes: list[Change] = []
    steps = (
        (ChangeKind.SILENCE_WARNED, silence.warn_at, known.is_warned, "silent"),
        (ChangeKind.SILENCE_ELAPSED, silence.elapses_at, known.is_elapsed, "silence_elapsed"),
    )
    for kind, at, is_told, reason in steps:
        if at <= now and not is_told:
            changes.append(Change(kind, silence.rule, 1, at, reason, silence=silence))
    return changes, [
        replace(
            known,
            is_warned=known.is_warned or silence.warn_at <= now,
            is_elapsed=known.is_elapsed or silence.elapses_at <= now,
        )
    ]
