"""Maintenance windows of customers: what is taken, what it does to a ticket and to meetings."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from intake.domain.command_registry import Command
from intake.domain.commands import decide
from intake.domain.commands.maintenance import SetWindow
from intake.domain.commands.meetings import AgreeMeeting, ProposeMeeting
from intake.domain.desk import Customer
from intake.domain.maintenance import refusal_of
from intake.domain.ticket import CommandContext, Decision, Refusal, RefusalReason, Ticket
from intake.domain.windows import Window, conflict
from pledge.events import Actor, Authentication, Contact, MaintenanceWindowSubmitted
from unit.intake.builders import NINE, TOM, a_desk, a_ticket, at, decided, kinds

WINDOW = SetWindow(UUID(int=1), at(60), at(120), "a new switch")


def attempt(ticket: Ticket, command: Command, by: Actor = TOM) -> Decision | Refusal:
    return decide(ticket, command, CommandContext(a_desk(), by, at(10), at(10)))


def submitted(**changes: object) -> MaintenanceWindowSubmitted:
    event = MaintenanceWindowSubmitted(
        desk="vircom", occurred_at=NINE, recorded_at=NINE, delivery="d", conversation="c",
        authentication=Authentication(result="passed", method="session"), customer="Contoso",
        requester=Contact(email="ann@contoso.example"), starts_at=at(60), ends_at=at(120),
    )  # fmt: skip
    return event.model_copy(update=changes)


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({}, None),
        ({"customer": "Nobody we know"}, "unknown_customer"),
        ({"ends_at": at(60)}, "window_of_wrong_length"),
        ({"ends_at": at(60) + timedelta(days=32)}, "window_of_wrong_length"),
        ({"starts_at": at(-60), "ends_at": at(-1)}, "window_not_ahead"),
        ({"starts_at": at(-60), "ends_at": at(1)}, None),
        ({"starts_at": at(-60), "ends_at": at(-1), "is_withdrawn": True}, None),
        (
            {"starts_at": NINE + timedelta(days=400), "ends_at": NINE + timedelta(days=401)},
            "window_not_ahead",
        ),
    ],
)
def test_windows_are_of_known_customers_ahead_and_bounded(
    changes: dict[str, object], refusal: str | None
) -> None:
    desk = a_desk(customers={"Contoso": Customer("Contoso")})
    assert refusal_of(submitted(**changes), desk, NINE) == refusal


def test_a_window_stands_on_the_ticket_once_is_replaced_and_taken_back() -> None:
    first = decided(a_ticket(), WINDOW)
    assert kinds(first) == ["maintenance_window_set"]
    assert isinstance(attempt(first.ticket, WINDOW), Refusal), "told twice it is one"
    moved = decided(first.ticket, SetWindow(UUID(int=1), at(90), at(120)))
    assert [each.starts_at for each in moved.ticket.windows] == [at(90)]
    gone = decided(moved.ticket, SetWindow(UUID(int=1), at(90), at(120), is_withdrawn=True))
    assert gone.ticket.windows == ()
    unknown = SetWindow(UUID(int=2), at(90), at(120), is_withdrawn=True)
    assert isinstance(attempt(gone.ticket, unknown), Refusal)
    assert isinstance(attempt(gone.ticket, SetWindow(UUID(int=2), at(1), at(2))), Refusal), "over"


@pytest.mark.parametrize(
    ("starts", "ends", "is_in"),
    [(30, 60, False), (30, 61, True), (70, 80, True), (119, 200, True), (120, 200, False)],
)
def test_a_conflict_is_an_overlap_and_the_end_is_outside(
    starts: float, ends: float, is_in: bool
) -> None:
    window = Window(UUID(int=1), at(60), at(120))
    assert (conflict((window,), at(starts), at(ends)) is window) is is_in


def test_a_meeting_within_maintenance_is_shown_before_it_is_proposed_or_agreed() -> None:
    ticket = decided(a_ticket(), WINDOW).ticket
    refusal = attempt(ticket, ProposeMeeting(at(90), at(100)))
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.CONFLICT
    assert "2026-11-20 10:00 to 2026-11-20 11:00 UTC" in refusal.detail
    assert kinds(decided(ticket, ProposeMeeting(at(120), at(130)))) == ["meeting_proposed"]
    proposed = decided(ticket, ProposeMeeting(at(90), at(100), despite_window=True)).ticket
    assert isinstance(attempt(proposed, AgreeMeeting()), Refusal)
    assert "meeting_agreed" in kinds(decided(proposed, AgreeMeeting(despite_window=True)))
    # The requester is shown their own maintenance, and decides.
    ann = Actor(kind="requester", id="ann@contoso.example")
    assert isinstance(attempt(proposed, AgreeMeeting(), ann), Decision)
