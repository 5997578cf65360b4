"""Due times that an agent agreed with the customer.

The one agreed last holds, until it is withdrawn. It is an instant that both sides know: neither
pauses nor findings move it. What was broken by then stays broken.
"""

from __future__ import annotations

from typing import NamedTuple

from sla.domain.calendar.zones import from_us, to_us
from sla.domain.facts import instant_us
from sla.domain.policy.policy import risk_parts
from sla.domain.policy.rules import Metric
from sla.domain.replay.cycle import Built, Revision
from sla.domain.replay.progress import who_of
from sla.domain.values import Agreement, Fact, Note, Timer

NOT_AHEAD = "ignored: the agreed due time does not lie ahead"
NOTHING_OPEN = "ignored: nothing that it could agree about is open"
TOO_LATE = "ignored: the promise was broken by then"


class Agreed(NamedTuple):
    """A fact as a revision, or why it is none."""

    revision: Revision | None
    refusal: str = ""


def revision_of(fact: Fact, at: int) -> Agreed:
    """What the fact agrees about; without `due_at` it withdraws what was agreed."""
    due = instant_us(fact.data.get("due_at"))
    if due is not None and due <= at:
        return Agreed(None, NOT_AHEAD)
    return Agreed(Revision(at, due, fact.sequence, who_of(fact), fact.text("why") or ""))


def revised(built: Built, revisions: tuple[Revision, ...], metric: Metric) -> Built:
    """The timer with the due time that holds now, and what is odd about the agreements."""
    timer, note = built
    if timer is None:
        return built
    reckoned = None if timer.due_at is None else to_us(timer.due_at)
    holds: Revision | None = None
    for each in revisions:
        due = reckoned if holds is None else holds.due
        if due is not None and due <= each.at:
            note = Note(each.sequence, "due_revised", TOO_LATE)
        else:
            holds = None if each.due is None else each
    if holds is None or holds.due is None:
        return timer, note
    return _agreed(timer, holds, holds.due, metric), note


def _agreed(timer: Timer, holds: Revision, due: int, metric: Metric) -> Timer:
    why = f": {holds.why}" if holds.why else ""
    instead = f" (instead of {timer.target})" if timer.target else ""
    agreement = Agreement(holds.who, holds.why, from_us(holds.at), timer.due_at, timer.target)
    timer = timer._replace(
        due_at=from_us(due),
        target=f"as agreed by {holds.who or 'an agent'}{why}{instead}",
        budget=None,
        at_risk_at=(),
        at_risk_percents=(),
        agreed=agreement,
    )
    if timer.met_at is not None or timer.cancelled_at is not None or not timer.spans:
        return timer
    # Warned of by the share of the time since the agreement, on the calendar in force.
    calendar = timer.spans[-1][2]
    parts = risk_parts(metric, calendar.measure_us(holds.at, due))
    warnings = [(calendar.add_us(holds.at, part), percent) for part, percent in parts]
    return timer._replace(
        at_risk_at=tuple([from_us(at) for at, _ in warnings]),
        at_risk_percents=tuple([percent for _, percent in warnings]),
    )
