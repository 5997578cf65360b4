"""Meetings: proposed, agreed, invited to, held or cancelled; and the links to answer by."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar

from intake.domain.command_registry import State
from intake.domain.commands import decide
from intake.domain.commands.meetings import (
    MAX_KEPT,
    MAX_OPEN,
    AgreeMeeting,
    CancelMeeting,
    HoldMeeting,
    ProposeMeeting,
)
from intake.domain.requester_links import RequesterLinks
from intake.domain.ticket import CommandContext, Decision, Refusal, RefusalReason
from intake.domain.ticket_parts import MeetingState
from pledge.events import Contact, EmailRequested, MeetingProposed
from pledge.runtime.auth.link_signer import LinkSigner
from unit.intake.builders import TOM, a_desk, a_ticket, at, attempt, decided, kinds

LINKS = RequesterLinks(LinkSigner([b"k" * 32]), "https://intake.example/")
PROPOSE = ProposeMeeting(at(100), at(160), "https://meet.example/1")
TICKET, MEETING = UUID(int=7), UUID(int=8)


def invited(decision: Decision) -> Any:
    [mail] = [each for each in decision.events if isinstance(each, EmailRequested)]
    assert mail.calendar is not None
    return Calendar.from_ical(mail.calendar)


@pytest.mark.promise("SIG-07")
def test_what_is_agreed_goes_to_every_calendar_and_what_is_cancelled_leaves_it() -> None:
    hostile = Contact(name='Bo"\r\nX-EVIL:1', email="bo@contoso.example")
    proposed = decided(a_ticket(participants=(hostile,)), PROPOSE)
    assert kinds(proposed) == ["meeting_proposed"]
    agreed = decided(proposed.ticket, AgreeMeeting())
    assert kinds(agreed) == ["meeting_agreed", "email_requested"]
    calendar = invited(agreed)
    [event] = calendar.walk("VEVENT")
    assert calendar["METHOD"] == "REQUEST"
    assert (event.decoded("dtstart"), event.decoded("dtend")) == (at(100), at(160))
    assert [str(each) for each in event["attendee"]] == [
        "mailto:ann@contoso.example", "mailto:bo@contoso.example",
    ]  # fmt: skip
    assert "X-EVIL" not in event
    cancelled = decided(agreed.ticket, CancelMeeting("ill"))
    gone = invited(cancelled)
    [withdrawn] = gone.walk("VEVENT")
    assert (gone["METHOD"], withdrawn["UID"]) == ("CANCEL", event["UID"])
    assert withdrawn["SEQUENCE"] > event["SEQUENCE"]


def test_a_proposal_that_is_withdrawn_was_in_no_calendar() -> None:
    proposed = decided(a_ticket(), PROPOSE).ticket
    assert kinds(decided(proposed, CancelMeeting())) == ["meeting_cancelled"]


def test_one_meeting_is_agreed_at_a_time() -> None:
    ticket = decided(decided(a_ticket(), PROPOSE).ticket, PROPOSE).ticket
    first, second = (each.id for each in ticket.meetings)
    which = attempt(ticket, AgreeMeeting())
    assert isinstance(which, Refusal)
    assert str(first) in which.detail
    ticket = decided(ticket, AgreeMeeting(first)).ticket
    assert isinstance(attempt(ticket, AgreeMeeting(first)), Refusal), "it is agreed already"
    other = attempt(ticket, AgreeMeeting(second))
    assert isinstance(other, Refusal)
    assert other.reason is RefusalReason.CONFLICT
    ticket = decided(ticket, HoldMeeting()).ticket
    ticket = decided(ticket, AgreeMeeting(second)).ticket
    assert [each.state for each in ticket.meetings] == [MeetingState.HELD, MeetingState.AGREED]


def test_a_time_that_is_over_can_not_be_agreed() -> None:
    ticket = decided(a_ticket(), PROPOSE).ticket
    assert isinstance(attempt(ticket, AgreeMeeting(), minutes=161, now=161), Refusal)


@pytest.mark.parametrize(
    ("starts", "ends"), [(5, 65), (100, 100), (100, 99), (100, 100 + 721), (600_000, 600_060)]
)
def test_a_meeting_lies_ahead_and_has_a_sensible_length(starts: float, ends: float) -> None:
    refusal = attempt(a_ticket(), ProposeMeeting(at(starts), at(ends)))
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RefusalReason.UNSUITABLE


def test_proposals_and_what_is_kept_of_them_are_bounded() -> None:
    ticket = a_ticket()
    for _ in range(MAX_OPEN):
        ticket = decided(ticket, PROPOSE).ticket
    assert isinstance(attempt(ticket, PROPOSE), Refusal)
    for _ in range(MAX_KEPT):
        ticket = decided(ticket, CancelMeeting(meeting_id=ticket.meetings[-1].id)).ticket
        ticket = decided(ticket, PROPOSE).ticket
    assert len(ticket.meetings) == MAX_KEPT
    assert sum(each.state is MeetingState.PROPOSED for each in ticket.meetings) == MAX_OPEN


def test_nobody_to_write_to_gets_no_invitation() -> None:
    ticket = decided(a_ticket(requester=Contact(phone="+15550100")), PROPOSE).ticket
    assert kinds(decided(ticket, AgreeMeeting())) == ["meeting_agreed"]


def test_a_closed_ticket_s_meeting_can_end_but_not_begin() -> None:
    ticket = decided(decided(a_ticket(), PROPOSE).ticket, AgreeMeeting()).ticket
    closed = a_ticket(state=State.CLOSED, meetings=ticket.meetings)
    assert isinstance(attempt(closed, PROPOSE), Refusal)
    assert kinds(decided(closed, HoldMeeting("On the phone."))) == ["meeting_held"]


def test_the_link_to_answer_by_is_in_the_proposal_where_there_is_an_address() -> None:
    context = CommandContext(a_desk(), TOM, at(10), at(10), LINKS)
    decision = decide(a_ticket(), PROPOSE, context)
    assert isinstance(decision, Decision)
    [event] = decision.events
    assert isinstance(event, MeetingProposed)
    assert event.answer_url is not None
    desk, token = event.answer_url.removeprefix("https://intake.example/meetings/").split("/")
    assert LINKS.read(desk, token) == (a_ticket().id, decision.ticket.meetings[0].id)
    assert LINKS.read("demo", token) is None, "it means nothing at another desk"
    [plain] = decided(a_ticket(), PROPOSE).events
    assert isinstance(plain, MeetingProposed)
    assert plain.answer_url is None


def test_a_retired_key_s_links_still_read() -> None:
    token = LINKS.url("vircom", TICKET, MEETING).rpartition("/")[2]
    assert RequesterLinks(LinkSigner([b"n" * 32, b"k" * 32]), "x").read("vircom", token) == (
        TICKET,
        MEETING,
    )
    assert RequesterLinks(LinkSigner([b"n" * 32]), "x").read("vircom", token) is None


@given(st.text(max_size=80))
def test_no_text_is_taken_for_a_link(text: str) -> None:
    assert LINKS.read("vircom", text) is None


@given(st.integers(0, 63), st.sampled_from("ABCabc012-_"))
def test_a_link_with_another_letter_is_no_link(place: int, letter: str) -> None:
    token = LINKS.url("vircom", TICKET, MEETING).rpartition("/")[2]
    changed = token[:place] + letter + token[place + 1 :]
    assert changed == token or LINKS.read("vircom", changed) is None


def test_links_in_mails_sent_by_earlier_versions_still_work() -> None:
    token = "AAAAAAAAAAAAAAAAAAAwOQAAAAAAAAAAAAAAAAABCTKJFcqmNgwiJVMi4YthX1Z8"
    ticket, meeting = UUID(int=12345), UUID(int=67890)
    assert LINKS.url("vircom", ticket, meeting).endswith(f"/meetings/vircom/{token}")
    assert LINKS.read("vircom", token) == (ticket, meeting)
