"""Changes of promises, said as events of the contract."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, assert_never
from uuid import UUID

from pledge.events import (
    BreachRetracted,
    Contact,
    Event,
    PromiseBreached,
    SilenceElapsed,
    TimerAtRisk,
    TimerCancelled,
    TimerMet,
    TimerPaused,
    TimerRescheduled,
    TimerResumed,
    TimerStarted,
    derived_id,
)
from pledge.events.sla import TimerEvent
from pledge.events.values import shortened
from sla.domain.policy.policy import Policy
from sla.domain.replay.segments import used
from sla.domain.values import Change, ChangeKind, PublishedTimer, Timer
from sla.storage.ticket_cache import Ticket


class EventContext(NamedTuple):
    """What all events of one assessment have in common."""

    ticket: Ticket
    policy: Policy
    published: PublishedTimer | None  # of this timer, before the change
    now: datetime
    is_late: Callable[[datetime], bool]
    is_provisional: bool


# The event and its row are made one after the other.
@lru_cache(maxsize=64)
def breach_id(ticket_id: UUID, metric: str, cycle: int, due_at: datetime) -> UUID:
    """The id of the breach of one promise: the same for its retraction, and in every replay."""
    return UUID(derived_id(f"{ticket_id}/{metric}/{cycle}/{due_at.isoformat()}", 0, source="/sla"))


def event_of(change: Change, context: EventContext) -> Event:
    """The event about `change`."""
    match change.kind:
        case ChangeKind.BREACHED:
            return _breached(change, context)
        case ChangeKind.BREACH_RETRACTED:
            return _retracted(change, context)
        case ChangeKind.SILENCE_WARNED | ChangeKind.SILENCE_ELAPSED:
            return _silence(change, context)
        case (
            ChangeKind.STARTED
            | ChangeKind.PAUSED
            | ChangeKind.RESUMED
            | ChangeKind.RESCHEDULED
            | ChangeKind.AT_RISK
            | ChangeKind.MET
            | ChangeKind.CANCELLED
        ):
            return _timer(change, context)
        case _:
            assert_never(change.kind)


def _promise(change: Change, context: EventContext) -> dict[str, Any]:
    """The fields that all events of one promise have."""
    ticket, timer = context.ticket, change.timer
    return {
        "desk": ticket.desk,
        "occurred_at": change.occurred_at,
        "recorded_at": context.now,
        "incident_id" if ticket.is_incident else "ticket_id": ticket.ticket_id,
        "severity": ticket.severity,
        "priority": ticket.priority,
        "metric": change.metric,
        "cycle": change.cycle,
        "target": shortened(timer.target) if timer is not None else "",
        "policy_version": context.policy.version,
        **_agreed(timer),
        **_team(change.metric, context.policy),
    }


def _team(metric: str, policy: Policy) -> dict[str, str]:
    """Whose promise it is, where it is one team's."""
    number = policy.numbers.get(metric)
    team = "" if number is None else policy.metrics[number].team
    return {"team": team} if team else {}


def _agreed(timer: Timer | None) -> dict[str, str]:
    """Who agreed the due time with the customer, and why."""
    agreed = timer.agreed if timer is not None else None
    if agreed is None:
        return {}
    return {"agreed_by": shortened(agreed.by), "agreed_why": shortened(agreed.why)}


_TIMER_EVENTS: dict[ChangeKind, type[TimerEvent]] = {
    ChangeKind.STARTED: TimerStarted,
    ChangeKind.PAUSED: TimerPaused,
    ChangeKind.RESUMED: TimerResumed,
    ChangeKind.RESCHEDULED: TimerRescheduled,
    ChangeKind.AT_RISK: TimerAtRisk,
    ChangeKind.MET: TimerMet,
    ChangeKind.CANCELLED: TimerCancelled,
}


def _timer(change: Change, context: EventContext) -> Event:
    kind, timer, published = change.kind, change.timer, context.published
    fields = _promise(change, context)
    fields["ticket_number"] = context.ticket.number
    fields["reason"] = change.reason
    fields["due_at"] = timer.due_at if timer is not None else change.due_at
    fields["expect_at"] = timer.expect_at if timer is not None else None
    if kind is ChangeKind.PAUSED:
        fields["remaining_for"] = left_for(timer)
    elif kind is ChangeKind.RESCHEDULED:
        fields["previous_due_at"] = published.due_at if published else None
    elif kind is ChangeKind.AT_RISK:
        fields["percent"] = change.percent
    elif kind is ChangeKind.MET:
        _add_met(fields, change.occurred_at)
    return _TIMER_EVENTS[kind].of_checked(fields)


def _add_met(fields: dict[str, Any], met_at: datetime) -> None:
    due_at, expect_at = fields["due_at"], fields["expect_at"]
    fields["met_at"] = met_at
    fields["is_late"] = due_at is not None and met_at > due_at
    fields["is_after_expected"] = expect_at is not None and met_at > expect_at


def _breach_fields(change: Change, context: EventContext, due_at: datetime) -> dict[str, Any]:
    ticket = context.ticket
    opened = ticket.opened
    fields = _promise(change, context)
    return fields | {
        "breach_id": breach_id(ticket.ticket_id, change.metric, change.cycle, due_at),
        "ticket_number": ticket.number,
        "subject_line": opened.text("subject_line") or opened.text("title") or "",
        "requester": Contact.model_validate(opened.part("requester")),
        "channel": opened.text("channel"),
        "due_at": due_at,
        "breached_at": due_at,
    }


def _breached(change: Change, context: EventContext) -> PromiseBreached:
    due_at = change.occurred_at
    return PromiseBreached(
        **_breach_fields(change, context, due_at),
        detected_at=context.now,
        is_late=context.is_late(due_at),
        is_provisional=context.is_provisional,
        met_at=change.timer.met_at if change.timer is not None else None,
    )


def _retracted(change: Change, context: EventContext) -> BreachRetracted:
    due_at = change.due_at or change.occurred_at
    timer = change.timer
    return BreachRetracted(
        **_breach_fields(change, context, due_at),
        detected_at=context.now,
        reason=change.reason,
        retracted_at=context.now,
        met_at=timer.met_at if timer is not None else None,
    )


def _silence(change: Change, context: EventContext) -> SilenceElapsed:
    silence = change.silence
    if silence is None:
        raise ValueError(f"the change {change.kind} of {change.metric} came without its silence")
    ticket = context.ticket
    is_warning = change.kind is ChangeKind.SILENCE_WARNED
    return SilenceElapsed(
        desk=ticket.desk,
        occurred_at=change.occurred_at,
        recorded_at=context.now,
        ticket_id=ticket.ticket_id,
        ticket_number=ticket.number,
        rule=silence.rule,
        step="announce" if is_warning else "elapsed",
        silent_since=silence.heard_at,
        attempts=silence.attempts,
        closes_at=silence.elapses_at if is_warning else None,
        conditions=(
            f"{silence.attempts} of {silence.attempts_needed} unsuccessful attempts",
            f"quiet until {silence.quiet_until:%Y-%m-%d %H:%M} UTC"
            if silence.quiet_until
            else "quiet time not begun",
        ),
        policy_version=context.policy.version,
    )


def left_for(timer: Timer | None) -> timedelta | None:
    """How much of a paused promise's time is left, on its calendars; None when nothing is bound."""
    if timer is None or timer.budget is None or timer.paused_since is None:
        return None
    return max(timedelta(0), timer.budget - used(timer, timer.paused_since))
