"""A page and its escalation: `decide(page, event, now)` gives next state, effects, reason.

A page is raised, goes through the steps of its escalation policy until it is acknowledged,
and ends when its cause is gone. The policy is copied to the page when it is raised, so that an
edit of the desk's file does not rewrite what already runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import assert_never


class PageState(StrEnum):
    """Where a page is in its life."""

    TRIGGERED = "triggered"  # sent, not acknowledged yet
    ACKNOWLEDGED = "acknowledged"  # it never escalates again
    EXHAUSTED = "exhausted"  # every step of every round ran out without an acknowledgement
    RESOLVED = "resolved"  # the cause is gone


class Reason(StrEnum):
    """The reason of a decision: the label in logs and metrics."""

    RAISED = "raised"
    STEP_RAN_OUT = "step_ran_out"
    STARTED_OVER = "started_over"
    STEPS_USED_UP = "steps_used_up"
    ACKNOWLEDGED = "acknowledged"
    CAUSE_GONE = "cause_gone"
    NOT_DUE = "not_due"
    ALREADY_ACKNOWLEDGED = "already_acknowledged"
    ALREADY_EXHAUSTED = "already_exhausted"
    ALREADY_RESOLVED = "already_resolved"


class Change(StrEnum):
    """A change that is published, as the verb of its event."""

    ESCALATED = "escalated"
    EXHAUSTED = "exhausted"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Step:
    """Whom to notify, and how long to wait for an acknowledgement before the next step."""

    targets: tuple[str, ...]  # "receiver:pager", "person:anna", "rotation:primary"
    wait_for: timedelta


@dataclass(frozen=True, slots=True)
class EscalationPolicy:
    """The steps, walked through `1 + repeats` times: rounds count from 1, steps from 0."""

    name: str
    steps: tuple[Step, ...]  # at least one
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """One page's state. `next_step_at` is None once no step is waiting any more."""

    id: str
    policy: EscalationPolicy
    state: PageState
    raised_at: datetime
    is_late: bool
    step: int = 0
    round: int = 1
    next_step_at: datetime | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    resolution: str | None = None


@dataclass(frozen=True, slots=True)
class StepRanOut:
    """The clock reached `next_step_at`. Harmless when it comes twice or too early."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A person acknowledged the page."""

    by: str


@dataclass(frozen=True, slots=True)
class CauseGone:
    """The breach was retracted, or the ticket resolved: the page is pointless."""

    why: str


PageEvent = StepRanOut | Acknowledged | CauseGone


@dataclass(frozen=True, slots=True)
class SendStep:
    """Send the page to the targets of this step."""

    step: int
    round: int


@dataclass(frozen=True, slots=True)
class CancelUnsent:
    """Cancel the deliveries that are not sent yet."""


@dataclass(frozen=True, slots=True)
class PublishChange:
    """Publish this change of the page."""

    change: Change


Effect = SendStep | CancelUnsent | PublishChange


@dataclass(frozen=True, slots=True)
class Decision:
    """The page as it is now, what to do, and the named reason."""

    page: Page
    effects: tuple[Effect, ...]
    reason: Reason


def is_late(happened_at: datetime, now: datetime, tolerance: timedelta) -> bool:
    """Whether notify processed it later than the tolerance allows."""
    return now - happened_at > tolerance


def raise_page(
    page_id: str, policy: EscalationPolicy, now: datetime, *, late: bool = False
) -> Decision:
    """A new page: its first step is sent at once."""
    page = Page(
        id=page_id,
        policy=policy,
        state=PageState.TRIGGERED,
        raised_at=now,
        is_late=late,
        next_step_at=now + policy.steps[0].wait_for,
    )
    return Decision(page, (SendStep(0, 1),), Reason.RAISED)


def decide(page: Page, event: PageEvent, now: datetime) -> Decision:
    """The decision on an event. Total: any event in any state has one, mostly without effects."""
    match event:
        case StepRanOut():
            return _step_ran_out(page, now)
        case Acknowledged(by=by):
            return _acknowledge(page, by, now)
        case CauseGone(why=why):
            return _resolve(page, why, now)
        case _:
            assert_never(event)


def _step_ran_out(page: Page, now: datetime) -> Decision:
    if page.state is not PageState.TRIGGERED:
        return _unchanged(page)
    if page.next_step_at is None or now < page.next_step_at:
        return Decision(page, (), Reason.NOT_DUE)
    if page.step + 1 < len(page.policy.steps):
        return _advance(page, page.step + 1, page.round, now, Reason.STEP_RAN_OUT)
    if page.round <= page.policy.repeats:
        return _advance(page, 0, page.round + 1, now, Reason.STARTED_OVER)
    ended = replace(page, state=PageState.EXHAUSTED, next_step_at=None)
    return Decision(ended, (PublishChange(Change.EXHAUSTED),), Reason.STEPS_USED_UP)


def _advance(page: Page, step: int, round_: int, now: datetime, reason: Reason) -> Decision:
    """To the next step, whose wait counts from now: after a stop of notify no step is skipped."""
    moved = replace(
        page, step=step, round=round_, next_step_at=now + page.policy.steps[step].wait_for
    )
    return Decision(moved, (SendStep(step, round_), PublishChange(Change.ESCALATED)), reason)


def _acknowledge(page: Page, by: str, now: datetime) -> Decision:
    if page.state in (PageState.ACKNOWLEDGED, PageState.RESOLVED):
        return _unchanged(page)
    taken = replace(
        page,
        state=PageState.ACKNOWLEDGED,
        next_step_at=None,
        acknowledged_at=now,
        acknowledged_by=by,
    )
    return Decision(
        taken, (CancelUnsent(), PublishChange(Change.ACKNOWLEDGED)), Reason.ACKNOWLEDGED
    )


def _resolve(page: Page, why: str, now: datetime) -> Decision:
    if page.state is PageState.RESOLVED:
        return _unchanged(page)
    ended = replace(
        page, state=PageState.RESOLVED, next_step_at=None, resolved_at=now, resolution=why
    )
    return Decision(ended, (CancelUnsent(), PublishChange(Change.RESOLVED)), Reason.CAUSE_GONE)


_REASON_UNCHANGED = {
    PageState.TRIGGERED: Reason.NOT_DUE,
    PageState.ACKNOWLEDGED: Reason.ALREADY_ACKNOWLEDGED,
    PageState.EXHAUSTED: Reason.ALREADY_EXHAUSTED,
    PageState.RESOLVED: Reason.ALREADY_RESOLVED,
}


def _unchanged(page: Page) -> Decision:
    return Decision(page, (), _REASON_UNCHANGED[page.state])


def steps_to_send(effects: Sequence[Effect]) -> list[SendStep]:
    """The steps to send among the effects."""
    return [effect for effect in effects if isinstance(effect, SendStep)]


def changes_to_publish(effects: Sequence[Effect]) -> list[Change]:
    """The changes to publish among the effects, in order."""
    return [effect.change for effect in effects if isinstance(effect, PublishChange)]


def cancels_unsent(effects: Sequence[Effect]) -> bool:
    """Whether unsent deliveries are to be cancelled."""
    return any(isinstance(effect, CancelUnsent) for effect in effects)
