"""Feedback and complaints: each step after the other, each piece for itself."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid5

import pytest

from intake.domain.admission.request import Line
from intake.domain.command_registry import Command, State
from intake.domain.commands import decide
from intake.domain.commands.reviews import (
    LONGEST_WAIT,
    MAX_FEEDBACK,
    AcknowledgeFeedback,
    ConcludeReview,
    GiveFeedback,
    OpenReview,
    RequestArbitration,
    UpdateReview,
    delivered_feedback,
)
from intake.domain.desk import FeedbackKind
from intake.domain.ticket import CommandContext, Decision, Refusal, RefusalReason, Ticket
from intake.domain.ticket_parts import CareRules, Stage
from pledge.events import Contact, FeedbackAcknowledged, ReviewOpened, ReviewUpdated
from unit.intake.builders import ANN, TOM, a_desk, a_ticket, at, attempt, decided, kinds

BO = Contact(name="Bo", email="bo@contoso.example")
CARE = CareRules(review_owner="vp", arbitration_owner="chief")
COMPLAINT = GiveFeedback("Bad!", channel="email", is_complaint=True)
STEPS: tuple[tuple[Command, str, Stage], ...] = (
    (OpenReview(), "review_opened", Stage.REVIEW),
    (UpdateReview("Soon."), "review_updated", Stage.REVIEW),
    (ConcludeReview("So it is."), "review_concluded", Stage.CONCLUDED),
    (RequestArbitration("No."), "arbitration_requested", Stage.ARBITRATION_REQUESTED),
    (OpenReview(), "review_opened", Stage.ARBITRATION),
    (UpdateReview("Soon."), "review_updated", Stage.ARBITRATION),
    (ConcludeReview("So it is."), "review_concluded", Stage.SETTLED),
)


def decided_with_care(ticket: Ticket, command: Command) -> Decision:
    decision = decide(ticket, command, CommandContext(a_desk(care=CARE), TOM, at(10), at(10)))
    assert isinstance(decision, Decision), decision
    return decision


@pytest.mark.promise("INF-12", "INF-13")
@pytest.mark.parametrize("state", sorted(State))
def test_a_complaint_goes_its_way_in_every_state_and_changes_none(state: State) -> None:
    ticket = decided_with_care(a_ticket(state=state), COMPLAINT).ticket
    for command, kind, stage in STEPS:
        decision = decided_with_care(ticket, command)
        assert kinds(decision) == [kind]
        assert decision.ticket.feedback[0].stage is stage
        if kind in {"review_opened", "review_concluded", "arbitration_requested"}:
            again = attempt(decision.ticket, command)
            assert isinstance(again, Refusal), "no step is taken twice"
        ticket = decision.ticket
        assert ticket.state is state
    assert isinstance(attempt(ticket, RequestArbitration()), Refusal), "it is settled"


def test_each_stage_has_the_owner_of_the_desk_s_file() -> None:
    ticket = decided_with_care(a_ticket(), COMPLAINT).ticket
    owners = []
    for command, _, _ in STEPS:
        decision = decided_with_care(ticket, command)
        ticket = decision.ticket
        owners += [each.owner for each in decision.events if isinstance(each, ReviewOpened)]
    assert owners == ["vp", "chief"]


@pytest.mark.promise("INF-11")
def test_feedback_is_acknowledged_once_to_who_gave_it_by_the_channel_it_came_by() -> None:
    ticket = decided(a_ticket(), replace(COMPLAINT, by=BO, channel="chat")).ticket
    [entry] = ticket.feedback
    other = attempt(ticket, AcknowledgeFeedback(channel="email"))
    assert isinstance(other, Refusal)
    assert other.reason is RefusalReason.UNSUITABLE
    decision = decided(ticket, AcknowledgeFeedback("Thank you.", entry.id))
    [event] = decision.events
    assert isinstance(event, FeedbackAcknowledged)
    assert (event.channel, event.to, event.feedback_id) == ("chat", BO, entry.id)
    assert isinstance(attempt(decision.ticket, AcknowledgeFeedback()), Refusal)


def test_of_several_complaints_one_must_be_named() -> None:
    ticket = decided(decided(a_ticket(), COMPLAINT).ticket, COMPLAINT).ticket
    one, other = (each.complaint_id for each in ticket.feedback)
    assert one != other
    refusal = attempt(ticket, OpenReview())
    assert isinstance(refusal, Refusal)
    assert str(one) in refusal.detail
    assert str(other) in refusal.detail
    ticket = decided(ticket, OpenReview(other)).ticket
    assert [each.stage for each in ticket.feedback] == [Stage.FILED, Stage.REVIEW]
    assert not isinstance(attempt(ticket, OpenReview()), Refusal), "only one waits now"
    unknown = attempt(ticket, UpdateReview("x", None, UUID(int=1)))
    assert isinstance(unknown, Refusal)


@pytest.mark.parametrize(("days", "is_taken"), [(-1, False), (0, False), (3, True), (93, False)])
def test_the_next_update_is_promised_for_a_time_ahead_and_within_bounds(
    days: int, is_taken: bool
) -> None:
    ticket = decided(decided(a_ticket(), COMPLAINT).ticket, OpenReview()).ticket
    decision = attempt(ticket, UpdateReview("x", at(10 + days * 1440)))
    assert isinstance(decision, Decision) is is_taken
    assert LONGEST_WAIT.days == 92
    if isinstance(decision, Decision):
        [event] = decision.events
        assert isinstance(event, ReviewUpdated)
        assert event.to == ANN


def test_a_ticket_remembers_so_much_feedback_and_forgets_what_is_over_first() -> None:
    ticket = decided(a_ticket(), COMPLAINT).ticket
    for n in range(MAX_FEEDBACK + 5):
        said = GiveFeedback(f"{n}", channel="portal", needs_answer=n % 10 != 0)
        ticket = decided(ticket, said).ticket
    assert len(ticket.feedback) == MAX_FEEDBACK
    assert ticket.feedback[0].complaint_id is not None, "somebody waits for that review"


@pytest.mark.parametrize(
    ("rating", "text", "waits"),
    [(5, "", False), (4, " ", False), (3, "", True), (1, "", True), (5, "But…", True),
     (None, "Hm.", True)],
)  # fmt: skip
def test_a_good_rating_without_a_word_waits_for_no_answer(
    rating: int | None, text: str, waits: bool
) -> None:
    said = delivered_feedback(
        b"k" * 16, "portal", ANN, text, desk=a_desk(), is_complaint=False, rating=rating
    )
    assert said.needs_answer is waits
    assert said.feedback_id == uuid5(UUID(bytes=b"k" * 16), "feedback")


def test_what_is_feedback_is_said_by_the_desk_s_file() -> None:
    desk = a_desk(care=CareRules(feedback_forms=frozenset({"opinion"})))
    assert desk.feedback_kind(None, "opinion") is FeedbackKind.FEEDBACK
    assert desk.feedback_kind(None, "feedback") is None
    assert desk.feedback_kind(None, "complaint") is FeedbackKind.COMPLAINT
    assert desk.feedback_kind(Line("a@x.example", kind="complaint"), None) is FeedbackKind.COMPLAINT
    assert desk.feedback_kind(Line("a@x.example"), None) is None
