"""Laws of case work: no story is lost or goes in circles, no promise gets easier."""

from __future__ import annotations

from itertools import pairwise
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from intake.application.merged_tickets import merge_targets
from intake.domain.command_registry import FINISHED, Command
from intake.domain.commands import decide
from intake.domain.commands.meetings import AgreeMeeting, CancelMeeting, HoldMeeting, ProposeMeeting
from intake.domain.commands.progress import Close, Reopen
from intake.domain.commands.relations import Merge, NewTicket, Split, merge, split
from intake.domain.commands.reviews import (
    AcknowledgeFeedback,
    ConcludeReview,
    GiveFeedback,
    OpenReview,
    RequestArbitration,
    UpdateReview,
)
from intake.domain.ticket import CommandContext, Decision, Refusal, Ticket
from intake.domain.ticket_parts import MeetingState, Stage
from unit.intake.builders import TOM, a_desk, a_ticket, at

DESK = a_desk()
SEVERITIES = st.sampled_from(["p1", "p2", "p3"])
CARE: st.SearchStrategy[Command] = st.one_of(
    st.builds(
        GiveFeedback,
        channel=st.sampled_from(["email", "phone"]),
        is_complaint=st.booleans(),
        needs_answer=st.booleans(),
    ),
    st.builds(AcknowledgeFeedback),
    st.builds(OpenReview),
    st.builds(UpdateReview, text=st.just("x"), next_update_by=st.sampled_from([None, at(500)])),
    st.builds(ConcludeReview, outcome=st.just("x")),
    st.builds(RequestArbitration),
    st.builds(
        ProposeMeeting,
        starts_at=st.integers(0, 300).map(at),
        ends_at=st.integers(0, 300).map(at),
    ),
    st.builds(AgreeMeeting),
    st.builds(HoldMeeting),
    st.builds(CancelMeeting),
    st.builds(Close),
    st.builds(Reopen),
)
_NEXT = {
    Stage.FILED: {Stage.REVIEW},
    Stage.REVIEW: {Stage.CONCLUDED},
    Stage.CONCLUDED: {Stage.ARBITRATION_REQUESTED},
    Stage.ARBITRATION_REQUESTED: {Stage.ARBITRATION},
    Stage.ARBITRATION: {Stage.SETTLED},
}


@given(st.lists(CARE, max_size=25))
def test_care_and_meetings_in_any_order_are_counted_and_take_one_step_at_a_time(
    story: list[Command],
) -> None:
    ticket = a_ticket()
    for number, command in enumerate(story):
        now = at(number)
        decision = decide(ticket, command, CommandContext(DESK, TOM, now, now))
        if isinstance(decision, Refusal):
            assert decision.detail
            continue
        after = decision.ticket
        assert after.sequence == ticket.sequence + len(decision.events) > ticket.sequence
        before = {each.id: each for each in ticket.feedback}
        for entry in after.feedback:
            if (known := before.get(entry.id)) is not None and known.stage is not None:
                assert entry.stage == known.stage or entry.stage in _NEXT[known.stage]
                assert entry.is_acknowledged >= known.is_acknowledged
        agreed = [each for each in after.meetings if each.state is MeetingState.AGREED]
        assert len(agreed) <= 1
        ticket = after


@st.composite
def tickets(draw: st.DrawFn) -> list[Ticket]:
    ages = draw(st.lists(st.integers(0, 50), min_size=2, max_size=6))
    return [
        a_ticket(
            id=UUID(int=place + 1),
            number=f"VIR-{place}",
            opened_at=at(age),
            severity=draw(SEVERITIES),
        )
        for place, age in enumerate(ages)
    ]


@given(tickets(), st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12))
def test_merging_in_any_order_ends_in_tickets_whose_promises_are_no_easier(
    found: list[Ticket], merges: list[tuple[int, int]]
) -> None:
    known = {each.id: each for each in found}
    for one, other in merges:
        source, target = (known[found[each % len(found)].id] for each in (one, other))
        context = CommandContext(DESK, TOM, at(60), at(60))
        result = merge(source, target, Merge(target.number), context)
        if not isinstance(result, Refusal):
            known |= {each.ticket.id: each.ticket for each in result}
    moved = merge_targets(known)
    for ticket in known.values():
        heir = known[moved.get(ticket.id, ticket.id)]
        assert heir.state not in FINISHED, "the story goes on somewhere"
        assert heir.merged_into is None
        assert heir.counts_from <= ticket.counts_from
        order = DESK.severities
        assert order.index(heir.severity or "") <= order.index(ticket.severity or "")


@given(st.lists(st.integers(0, 90), max_size=5))
def test_an_issue_split_off_again_and_again_counts_from_no_later_than_told(
    minutes: list[int],
) -> None:
    chain = [a_ticket()]
    for number, asked in enumerate(minutes):
        now = at(100 + number)
        command = Split("x", reported_at=at(asked))
        new = NewTicket(UUID(int=100 + number), f"VIR-{100 + number}", "r@vircom.example")
        result = split(chain[-1], command, CommandContext(DESK, TOM, now, now), new)
        if isinstance(result, Refusal):
            assert at(asked) < chain[-1].counts_from
            continue
        _, split_off = result
        assert isinstance(split_off, Decision)
        assert split_off.ticket.counts_from == at(asked)
        chain.append(split_off.ticket)
    assert all(one.counts_from <= other.counts_from for one, other in pairwise(chain))
