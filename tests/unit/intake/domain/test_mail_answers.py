"""Answers to invitations, thanks, and machines that say something new."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

import pytest

from intake.domain.admission.open_ticket import open_ticket
from intake.domain.apply_delivery import apply_delivery
from intake.domain.command_registry import State
from intake.domain.commands.meetings import AgreeMeeting, ProposeMeeting
from intake.domain.thread_matching import Routed, read_delivery, route
from intake.domain.ticket import Decision, Ticket
from intake.domain.ticket_parts import MeetingState
from pledge.events import (
    Authentication,
    Contact,
    EmailMessageReceived,
    EmailRequested,
    MeetingAnswer,
    MeetingCancelled,
    Noted,
    TicketOpened,
)
from unit.intake.builders import ADDRESSES, ANN, NINE, a_desk, a_ticket, at, decided, kinds

DESK = a_desk()
BOB = Contact(name="Bob", email="bob@contoso.example")


def a_mail(
    sender: Contact = ANN, result: Literal["passed", "failed", "none"] = "none", **fields: Any
) -> EmailMessageReceived:
    return EmailMessageReceived(
        desk="vircom", occurred_at=at(60), recorded_at=at(60), delivery="d1", conversation="c",
        authentication=Authentication(result=result), sender=sender,
        recipients=("support@vircom.example",), **fields,
    )  # fmt: skip


def applied(ticket: Ticket, mail: EmailMessageReceived) -> Decision:
    return apply_delivery(ticket, read_delivery(mail, "c1", DESK, ADDRESSES), now=at(61))


def with_meeting() -> Ticket:
    proposed = decided(a_ticket(participants=(BOB,)), ProposeMeeting(at(100), at(160)))
    return decided(proposed.ticket, AgreeMeeting()).ticket


def an_answer(ticket: Ticket, answer: str) -> MeetingAnswer:
    uid = f"{ticket.meetings[0].id}@vircom.example"
    return MeetingAnswer(uid=uid, answer=answer, attendee=ANN.email, comment="Another day")


@pytest.mark.promise("SIG-07")
def test_a_meeting_that_the_requesters_calendar_declines_is_off() -> None:
    ticket = with_meeting()

    decision = applied(ticket, a_mail(meeting_answer=an_answer(ticket, "declined")))

    assert decision.ticket.meetings[0].state is MeetingState.CANCELLED
    cancelled = decision.events[0]
    assert isinstance(cancelled, MeetingCancelled)
    assert cancelled.by.kind == "requester"
    assert cancelled.why == "declined: Another day"


@pytest.mark.parametrize(
    ("sender", "answer", "words"),
    [
        (ANN, "accepted", "Ann accepts"),
        (ANN, "tentative", "Ann may come"),
        (BOB, "declined", "Bob"),
    ],
)
def test_other_answers_are_noted_for_the_agent(sender: Contact, answer: str, words: str) -> None:
    ticket = with_meeting()

    decision = applied(ticket, a_mail(sender, meeting_answer=an_answer(ticket, answer)))

    assert decision.ticket.meetings[0].state is MeetingState.AGREED
    (note,) = decision.events
    assert isinstance(note, Noted)
    assert note.text.startswith(words)
    assert note.delivery == "d1"


@pytest.mark.parametrize(
    "mail", [{"sender": Contact(email="eve@other.example")}, {"result": "failed"}]
)
def test_strangers_and_forgeries_call_no_meeting_off(mail: dict[str, Any]) -> None:
    ticket = with_meeting()

    decision = applied(ticket, a_mail(**mail, meeting_answer=an_answer(ticket, "declined")))

    assert decision.ticket.meetings[0].state is MeetingState.AGREED


@pytest.mark.parametrize("state", [State.RESOLVED, State.OPEN])
def test_thanks_are_noted_and_reopen_nothing(state: State) -> None:
    ticket = a_ticket(state=state)
    mail = a_mail(text="Thank you!", visible_text="Thank you!", headers={"x-pledge-thanks": "yes"})

    decision = applied(ticket, mail)

    assert kinds(decision) == ["noted"]
    assert decision.ticket.state is state
    assert decision.ticket.heard_at == ticket.heard_at


def routed(mail: EmailMessageReceived) -> Routed:
    delivery = read_delivery(mail, "c1", DESK, ADDRESSES)
    return route([delivery], {}, {}, lambda: UUID(int=9))[0][0]


@pytest.mark.parametrize(
    ("kind", "opens"),
    [("other_machine", True), ("auto_reply", False), ("bounce", False), ("list", False),
     ("feedback_loop", False), (None, False)],
)  # fmt: skip
def test_only_machines_that_say_something_new_open_tickets(kind: str | None, opens: bool) -> None:
    monitoring = Contact(email="nagios@customer.example")

    assert routed(a_mail(monitoring, kind=kind, is_auto_submitted=True)).opens is opens


def test_our_own_address_opens_nothing() -> None:
    own = Contact(email="support@vircom.example")

    assert not routed(a_mail(own, kind="other_machine", is_auto_submitted=True)).opens


def test_monitoring_opens_with_its_severity_and_gets_no_automatic_mail() -> None:
    mail = a_mail(
        Contact(email="nagios@customer.example"), kind="other_machine", is_auto_submitted=True,
        subject_line="[P1] PROBLEM mail queue",
    )  # fmt: skip
    delivery = read_delivery(mail, "c1", DESK, ADDRESSES)

    decision = open_ticket(
        delivery, ticket_id=UUID(int=9), number="VIR-1", reply_to="x@vircom.example", now=NINE
    )

    opened = decision.events[0]
    assert isinstance(opened, TicketOpened)
    assert (opened.severity, opened.is_from_machine, opened.is_answerable) == ("p1", True, True)
    assert not [each for each in decision.events if isinstance(each, EmailRequested)]
    assert applied(decision.ticket, mail).reason == "auto_submitted"
