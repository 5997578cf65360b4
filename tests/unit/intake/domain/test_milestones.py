"""Milestones of the desk's own, as agents record them."""

from __future__ import annotations

from intake.domain.command_registry import State
from intake.domain.commands import decide
from intake.domain.commands.milestones import MAX_MILESTONES, ReachMilestone
from intake.domain.desk import MilestoneKind
from intake.domain.history import entry
from intake.domain.ticket import CommandContext, Decision, Refusal, RefusalReason, Ticket
from pledge.events import MilestoneReached
from unit.intake.builders import TOM, a_desk, a_ticket, at

DESK = a_desk(
    milestones=(
        MilestoneKind("technician_on_site", "Technician on site"),
        MilestoneKind("service_restored", "Service restored"),
    )
)


def reach(
    ticket: Ticket, name: str, *, minutes: float = 10, again: bool = False, note: str = ""
) -> Decision | Refusal:
    context = CommandContext(DESK, TOM, at(minutes), at(60))
    return decide(ticket, ReachMilestone(name, note, again), context)


def reached(ticket: Ticket, name: str, *, minutes: float = 10, again: bool = False) -> Ticket:
    decision = reach(ticket, name, minutes=minutes, again=again)
    assert isinstance(decision, Decision), decision
    return decision.ticket


def test_a_milestone_is_told_and_stands_on_the_ticket() -> None:
    decision = reach(a_ticket(), "service_restored", note="relay 2 replaced")
    assert isinstance(decision, Decision)
    (event,) = decision.events
    assert isinstance(event, MilestoneReached)
    assert (event.milestone, event.title, event.note, event.by) == (
        "service_restored", "Service restored", "relay 2 replaced", TOM,
    )  # fmt: skip
    assert event.occurred_at == at(10)
    (kept,) = decision.ticket.milestones
    assert (kept.name, kept.title, kept.reached_at, kept.by) == (
        "service_restored", "Service restored", at(10), TOM,
    )  # fmt: skip


def test_it_is_recorded_once_unless_it_happened_another_time() -> None:
    ticket = reached(a_ticket(), "technician_on_site")
    refusal = reach(ticket, "technician_on_site", minutes=20)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.NOTHING_TO_CHANGE
    assert len(reached(ticket, "technician_on_site", minutes=20, again=True).milestones) == 2
    assert len(reached(ticket, "service_restored").milestones) == 2


def test_a_desk_has_its_own_milestones_and_no_others() -> None:
    refusal = reach(a_ticket(), "root_cause_report")
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.UNKNOWN_MILESTONE
    assert "technician_on_site, service_restored" in refusal.detail


def test_it_is_recorded_in_any_state_and_not_before_the_opening() -> None:
    for state in State:
        closed_at = at(5) if state is State.CLOSED else None
        assert reached(a_ticket(state=state, closed_at=closed_at), "service_restored").milestones
    refusal = reach(a_ticket(), "service_restored", minutes=-1)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.BEFORE_OPENING


def test_only_the_newest_are_kept_on_the_ticket() -> None:
    ticket = a_ticket()
    for _ in range(MAX_MILESTONES + 2):
        ticket = reached(ticket, "service_restored", again=True)
    assert len(ticket.milestones) == MAX_MILESTONES


def test_the_requester_sees_the_title_and_not_the_note() -> None:
    data = {"milestone": "service_restored", "title": "Service restored", "note": "for us"}
    shown = entry("pledge.ticket.milestone_reached.v1", at(10), data, None)
    assert shown is not None
    assert (shown.what, shown.text) == ("Service restored", "")
