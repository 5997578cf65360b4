"""Due times that an agent agrees with the customer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from intake.domain.command_registry import State
from intake.domain.commands import decide
from intake.domain.commands.promises import ReviseDue
from intake.domain.desk import RevisablePromise
from intake.domain.history import entry
from intake.domain.ticket import CommandContext, Decision, Refusal, RefusalReason, Ticket
from pledge.events import DueRevised
from unit.intake.builders import TOM, a_desk, a_ticket, at

DESK = a_desk(revisable=(RevisablePromise("resolution", "Resolution"),))


def revise(
    ticket: Ticket,
    due_at: datetime | None,
    *,
    metric: str = "resolution",
    why: str = "a spare part",
    minutes: float = 10,
) -> Decision | Refusal:
    context = CommandContext(DESK, TOM, at(minutes), at(10))
    return decide(ticket, ReviseDue(metric, why, due_at), context)


def revised(ticket: Ticket, due_at: datetime | None) -> Ticket:
    decision = revise(ticket, due_at)
    assert isinstance(decision, Decision), decision
    return decision.ticket


def test_an_agreement_is_told_and_stands_on_the_ticket() -> None:
    decision = revise(a_ticket(), at(600))
    assert isinstance(decision, Decision)
    (event,) = decision.events
    assert isinstance(event, DueRevised)
    assert (event.metric, event.due_at, event.by, event.why) == (
        "resolution", at(600), TOM, "a spare part",
    )  # fmt: skip
    (kept,) = decision.ticket.agreed
    assert (kept.metric, kept.due_at, kept.why) == ("resolution", at(600), "a spare part")


def test_the_newest_holds_until_it_is_withdrawn() -> None:
    ticket = revised(revised(a_ticket(), at(600)), at(700))
    assert [each.due_at for each in ticket.agreed] == [at(700)]
    withdrawn = revised(ticket, None)
    assert withdrawn.agreed == ()
    refusal = revise(withdrawn, None)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.NOTHING_TO_CHANGE


@pytest.mark.parametrize(
    ("due_at", "changes", "says"),
    [
        (at(10), {}, "must lie ahead"),
        (at(9), {"minutes": 5}, "must lie ahead"),
        (at(60 * 24 * 4000), {}, "must lie ahead"),
        (at(600), {"metric": "callback"}, "for: resolution"),
        (at(600), {"why": " "}, "say why"),
    ],
)
def test_what_can_t_be_agreed(due_at: datetime, changes: dict[str, Any], says: str) -> None:
    refusal = revise(a_ticket(), due_at, **changes)
    assert isinstance(refusal, Refusal)
    assert says in refusal.detail


def test_nothing_is_agreed_about_a_closed_ticket() -> None:
    refusal = revise(a_ticket(state=State.CLOSED), at(600))
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.NOT_ALLOWED_NOW


def test_the_requester_sees_what_was_agreed() -> None:
    data = {"metric": "resolution", "due_at": "2026-03-05T12:00:00Z", "why": "internal"}
    shown = entry("pledge.ticket.due_revised.v1", at(10), data, None)
    assert shown is not None
    assert (shown.what, shown.text) == ("Agreed: by 2026-03-05, 12:00 UTC", "")
    withdrawn = entry("pledge.ticket.due_revised.v1", at(10), {**data, "due_at": None}, None)
    assert withdrawn is not None
    assert withdrawn.what == "The agreed time is withdrawn"
