"""What to publish: the difference between what was published and what is now known.

Within a cycle a timer is started once, at risk once per threshold, and ends once: met, breached
or cancelled. A late fact or a correction that proves a breach wrong, or its due instant, retracts
it; what follows is published after the retraction. What is met after its breach stays breached.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from sla.domain.calendar.zones import from_us
from sla.domain.facts import MILESTONE_PREFIX
from sla.domain.replay.missed_intervals import begun
from sla.domain.values import (
    Assessment,
    Change,
    ChangeKind,
    Difference,
    PublishedSilence,
    PublishedState,
    PublishedTimer,
    Silence,
    State,
    Timer,
)

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
    "agent_reply_failed": "reply_failed",
    "due_revised": "due_revised",
}
"""Why a due instant moved, by the newest fact; any other but a milestone is `late_fact`."""

FINDINGS = ("severity_changed", "plan_changed", "scope_changed", "entitlement_changed")
"""The causes that explain why a breach is taken back, or a promise has gone."""


def diff(
    published: PublishedState, assessment: Assessment, now: datetime, cause: str | None = None
) -> Difference:
    """The changes to publish, in order, and the published state afterwards.

    `now` is an instant up to which all facts of the ticket are known: what is due later is not
    yet missed. `cause` names why instants moved where it is not the newest fact (a policy
    version). EventContext the same twice gives no change the second time.
    """
    cause = cause or _cause(assessment.newest)
    before = {(one.metric, one.cycle): one for one in published.timers}
    changes: list[Change] = []
    after: list[PublishedTimer] = []
    wakes: list[datetime] = []
    for timer in begun(assessment, now, before):
        known = before.pop((timer.metric, timer.cycle), None)
        state = _publish_timer(changes, known, timer, now, cause)
        after.append(state)
        if state.state is State.RUNNING:
            wakes += _timer_wakes(timer, state.at_risk_sent)
        elif state.state is State.PAUSED and timer.due_at is not None:
            wakes.append(timer.due_at)  # an instant that waiting does not move
    wakes += [each.started_at for each in assessment.foreseen if each.started_at > now][:1]
    why = cause if cause in FINDINGS else NO_LONGER
    after += [_publish_removed(changes, removed, now, why) for removed in before.values()]
    silences: list[PublishedSilence] = []
    quiet = {one.rule: one for one in published.silences}
    for silence in assessment.silences:
        kept = _publish_silence(changes, quiet.get(silence.rule), silence, now)
        silences += kept
        wakes += _silence_wakes(silence, kept)
    new = PublishedState(tuple(after), tuple(silences))
    return Difference(tuple(changes), new, min(wakes, default=None))


def _cause(newest: str) -> str:
    """Why instants moved, after the newest fact; a milestone is a reason of its own."""
    return newest if newest.startswith(MILESTONE_PREFIX) else CAUSES.get(newest, LATE_FACT)


def _timer_wakes(timer: Timer, sent: int) -> list[datetime]:
    """When a running timer will have something to publish without a new fact."""
    wakes = [at for at, percent in _thresholds(timer) if percent > sent]
    if timer.due_at is not None:
        wakes.append(timer.due_at)
    return wakes


def _silence_wakes(silence: Silence, kept: Sequence[PublishedSilence]) -> list[datetime]:
    wakes = [(silence.warn_at, any(one.is_warned for one in kept))]
    wakes.append((silence.elapses_at, any(one.is_elapsed for one in kept)))
    return [at for at, is_published in wakes if at is not None and not is_published]


def _thresholds(timer: Timer) -> Iterator[tuple[datetime, int]]:
    return zip(timer.at_risk_at, timer.at_risk_percents, strict=True)


def _publish_timer(
    changes: list[Change], known: PublishedTimer | None, timer: Timer, now: datetime, cause: str
) -> PublishedTimer:
    """Append a timer's changes; returns its published state afterwards."""
    state = timer.state_at(_known_until(known, timer, now))
    if known is None:
        changes.append(_change(timer, ChangeKind.STARTED, timer.started_at, timer.started_by))
        known = PublishedTimer(
            timer.metric, timer.cycle, State.RUNNING, timer.due_at, timer.expect_at
        )
    if known.state is State.BREACHED:
        if state is State.BREACHED and known.due_at == timer.due_at:
            # A breach is published once; when it was finally met is kept.
            return known if known.met_at == timer.met_at else known._replace(met_at=timer.met_at)
        reason = cause if cause in FINDINGS or state is not State.MET else MET_IN_TIME
        retracted = _change(timer, ChangeKind.BREACH_RETRACTED, now, reason)
        changes.append(retracted._replace(due_at=known.due_at))
    if (entered := _entered(known, timer, state, now, cause)) is not None:
        changes.append(entered)
    sent = known.at_risk_sent
    if state is State.RUNNING:
        for at, percent in _thresholds(timer):
            if at <= now and percent > sent:
                warned = _change(timer, ChangeKind.AT_RISK, at, f"{percent}_percent_used")
                changes.append(warned._replace(percent=percent))
                sent = percent
    elif state is known.state and known.met_at == timer.met_at and not _moved(known, timer):
        return known  # most timers of a ticket are over, and nothing is new about them
    return PublishedTimer(
        timer.metric, timer.cycle, state, timer.due_at, timer.expect_at, sent, timer.met_at
    )


def _change(timer: Timer, kind: ChangeKind, at: datetime, reason: str) -> Change:
    return Change(kind, timer.metric, timer.cycle, at, reason, timer)


def _entered(
    known: PublishedTimer, timer: Timer, state: State, now: datetime, cause: str
) -> Change | None:
    """The change that announces `state`, or None when it was published before."""
    if state is State.RUNNING:
        if known.state is State.PAUSED:
            return _change(timer, ChangeKind.RESUMED, _resumed_at(timer), cause)
        if known.state is not State.RUNNING or _moved(known, timer):
            return _change(timer, ChangeKind.RESCHEDULED, now, cause)
        return None
    if state is State.PAUSED and known.state is State.PAUSED and _moved(known, timer):
        return _change(timer, ChangeKind.PAUSED, timer.paused_since or now, cause)
    if known.state is state and (state is not State.BREACHED or known.due_at == timer.due_at):
        return None
    if state is State.PAUSED:
        return _change(timer, ChangeKind.PAUSED, timer.paused_since or now, timer.reason)
    if state is State.MET:
        return _change(timer, ChangeKind.MET, timer.met_at or now, timer.reason)
    if state is State.CANCELLED:
        return _change(timer, ChangeKind.CANCELLED, timer.cancelled_at or now, timer.reason)
    reason = OVERDUE if timer.met_at is None else MET_LATE
    return _change(timer, ChangeKind.BREACHED, timer.due_at or now, reason)


def _known_until(known: PublishedTimer | None, timer: Timer, now: datetime) -> datetime:
    """`now`, or later where a fact, or a published breach, is known to be later."""
    breached_at = known.due_at if known is not None and known.state is State.BREACHED else None
    until = now
    for at in (timer.met_at, timer.cancelled_at, timer.paused_since, breached_at):
        if at is not None and at > until:
            until = at
    return until


def _moved(known: PublishedTimer, timer: Timer) -> bool:
    return known.due_at != timer.due_at or known.expect_at != timer.expect_at


def _resumed_at(timer: Timer) -> datetime:
    return from_us(timer.spans[-1][0]) if timer.spans else timer.started_at


def _publish_removed(
    changes: list[Change], known: PublishedTimer, now: datetime, why: str
) -> PublishedTimer:
    """Append the changes of a published cycle that a late fact or a finding has removed."""
    if known.state in (State.MET, State.CANCELLED):
        return known
    where = (known.metric, known.cycle, now, why)
    if known.state is State.BREACHED:
        changes.append(Change(ChangeKind.BREACH_RETRACTED, *where, due_at=known.due_at))
    changes.append(Change(ChangeKind.CANCELLED, *where))
    return known._replace(state=State.CANCELLED, due_at=None)


def _publish_silence(
    changes: list[Change], known: PublishedSilence | None, silence: Silence, now: datetime
) -> list[PublishedSilence]:
    """Append a silence's changes; returns its published state, if there is one."""
    if silence.elapses_at is None or silence.warn_at is None:
        return []
    if known is None or known.elapses_at != silence.elapses_at:
        known = PublishedSilence(
            silence.rule, silence.elapses_at, is_warned=False, is_elapsed=False
        )
    steps = (
        (ChangeKind.SILENCE_WARNED, silence.warn_at, known.is_warned, "silent"),
        (ChangeKind.SILENCE_ELAPSED, silence.elapses_at, known.is_elapsed, "silence_elapsed"),
    )
    for kind, at, is_published, reason in steps:
        if at <= now and not is_published:
            changes.append(Change(kind, silence.rule, 1, at, reason, silence=silence))
    return [
        PublishedSilence(
            silence.rule,
            silence.elapses_at,
            is_warned=known.is_warned or silence.warn_at <= now,
            is_elapsed=known.is_elapsed or silence.elapses_at <= now,
        )
    ]
