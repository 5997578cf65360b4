"""Merging, splitting, following up, and opening for a client: two tickets, one decision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from intake.domain.admission.open_for_client import ClientRequest, open_for
from intake.domain.command_registry import FINISHED, State
from intake.domain.commands.relations import (
    MAX_LINKS,
    FollowUp,
    Merge,
    NewTicket,
    Split,
    follow_up,
    merge,
    split,
)
from intake.domain.participants import MAX_PARTICIPANTS
from intake.domain.ticket import CommandContext, Decision, Refusal, RefusalReason, Ticket
from intake.domain.ticket_parts import Link, LinkKind
from pledge.events import Absorbed, Contact, TicketOpened
from unit.intake.builders import ANN, TOM, a_desk, a_ticket, at, kinds

BO = Contact(name="Bo", email="bo@contoso.example")
BIRTH = NewTicket(UUID(int=99), "VIR-10099", "support+new@vircom.example")
OLD = a_ticket(id=UUID(int=1), number="VIR-1")
NEW = a_ticket(id=UUID(int=2), number="VIR-2", opened_at=at(5), requester=BO)
SPLIT = Split("The other issue", "It also beeps.")


def a_hand(minutes: float = 10, **desk: Any) -> CommandContext:
    return CommandContext(a_desk(**desk), TOM, at(minutes), at(minutes))


def merged(source: Ticket, target: Ticket) -> tuple[Decision, Decision] | Refusal:
    return merge(source, target, Merge(target.number), a_hand())


def both(result: tuple[Decision, Decision] | Refusal) -> tuple[Decision, Decision]:
    assert not isinstance(result, Refusal), result
    return result


def refusal(result: object) -> Refusal:
    assert isinstance(result, Refusal), result
    return result


@pytest.mark.promise("SIG-09")
def test_both_tickets_know_of_their_merging_and_nobody_is_lost() -> None:
    source = replace(NEW, participants=(ANN, Contact(email="cy@contoso.example")))
    away, here = both(merged(source, OLD))
    assert (kinds(away), away.ticket.state) == (["merged"], State.CLOSED)
    assert away.ticket.merged_into == Link(LinkKind.MERGED_INTO, OLD.id, OLD.number)
    assert kinds(here) == ["absorbed", "participants_changed"]
    assert [each.email for each in here.ticket.participants] == [BO.email, "cy@contoso.example"]
    assert here.ticket.links == (Link(LinkKind.MERGED_FROM, source.id, source.number),)
    assert (here.ticket.state, here.ticket.sequence) == (State.OPEN, OLD.sequence + 2)
    [absorbed, _] = here.events
    assert isinstance(absorbed, Absorbed)
    assert absorbed.requester == BO


@pytest.mark.parametrize(
    ("source", "target", "words"),
    [
        (OLD, NEW, "merge VIR-2 into VIR-1"),
        (replace(NEW, severity="p1"), OLD, "triage VIR-1 first"),
        (NEW, replace(OLD, state=State.CLOSED), "reopen it first"),
        (replace(NEW, customer="A"), replace(OLD, customer="B"), "VIR-2 is A's, VIR-1 is B's"),
        (replace(NEW, links=(Link(LinkKind.SPLIT_INTO, OLD.id, "x"),) * MAX_LINKS), OLD, "at most"),
    ],
)
def test_a_merge_that_would_lose_something_says_what_to_do(
    source: Ticket, target: Ticket, words: str
) -> None:
    found = refusal(merged(source, target))
    assert found.reason is RefusalReason.CONFLICT
    assert words in found.detail


def test_the_report_counts_not_the_ticket_s_own_opening() -> None:
    """A ticket that was split off is as old as its issue."""
    assert not isinstance(merged(OLD, replace(NEW, reported_at=OLD.opened_at)), Refusal)


def test_a_ticket_is_not_merged_twice_nor_into_itself_nor_into_another_desk() -> None:
    away, _ = both(merged(NEW, OLD))
    assert refusal(merged(away.ticket, OLD)).reason is RefusalReason.NOT_ALLOWED_NOW
    assert refusal(merged(OLD, OLD)).reason is RefusalReason.NOTHING_TO_CHANGE
    assert refusal(merged(NEW, replace(OLD, desk="demo"))).reason is (
        RefusalReason.NOTHING_TO_CHANGE
    )


def test_merging_keeps_participants_in_bounds() -> None:
    crowd = tuple(Contact(email=f"p{n}@contoso.example") for n in range(MAX_PARTICIPANTS))
    _, here = both(merged(replace(NEW, participants=crowd), OLD))
    assert len(here.ticket.participants) == MAX_PARTICIPANTS


@pytest.mark.promise("SIG-09")
def test_an_issue_that_is_split_off_is_asked_by_the_same_people_since_the_same_time() -> None:
    ticket = a_ticket(participants=(BO,), severity="p1", plan="gold", channel="phone")
    original, new = both(split(ticket, SPLIT, a_hand(), BIRTH))
    assert kinds(original) == ["split_off"]
    assert (original.ticket.state, original.ticket.severity) == (State.OPEN, "p1")
    [opened] = new.events
    assert isinstance(opened, TicketOpened)
    assert (opened.reported_at, opened.occurred_at) == (ticket.opened_at, at(10))
    assert (opened.requester, opened.participants) == (ANN, (BO,))
    assert (opened.severity, opened.plan, opened.channel) == ("p1", "gold", "phone")
    assert (opened.opened_by, opened.split_from) == (TOM, ticket.id)
    assert not opened.is_urgent, "the call was answered already"
    assert new.ticket.counts_from == ticket.opened_at


def test_a_split_of_a_split_counts_from_the_first_report() -> None:
    _, new = both(split(a_ticket(), SPLIT, a_hand(), BIRTH))
    _, newer = both(split(new.ticket, SPLIT, a_hand(60), replace(BIRTH, number="VIR-3")))
    assert newer.ticket.counts_from == a_ticket().opened_at


@pytest.mark.parametrize("minutes", [-1, 12])
def test_an_issue_was_reported_between_the_original_and_now(minutes: float) -> None:
    result = split(a_ticket(), replace(SPLIT, reported_at=at(minutes)), a_hand(), BIRTH)
    assert refusal(result).reason is RefusalReason.UNSUITABLE


def test_a_split_takes_only_the_desk_s_severities_and_keeps_its_floor() -> None:
    unknown = split(a_ticket(), replace(SPLIT, severity="p9"), a_hand(), BIRTH)
    assert refusal(unknown).reason is RefusalReason.UNKNOWN_SEVERITY
    _, new = both(split(a_ticket(is_trial=True), replace(SPLIT, severity="p3"), a_hand(), BIRTH))
    assert new.ticket.severity == "p2"


@pytest.mark.promise("SIG-08")
@pytest.mark.parametrize("state", sorted(State))
def test_a_ticket_can_be_followed_up_in_every_state(state: State) -> None:
    old = a_ticket(state=state, severity="p1")
    known, new = both(follow_up(old, FollowUp("Once more"), a_hand(999), BIRTH))
    assert (kinds(known), known.ticket.state) == (["followed_up"], state)
    [opened] = new.events
    assert isinstance(opened, TicketOpened)
    assert (opened.follows_up, opened.reported_at) == (old.id, None)
    assert opened.severity == "p3", "a new issue is as severe as any, until it is triaged"


@pytest.mark.parametrize("state", sorted(FINISHED))
def test_what_is_closed_is_neither_merged_nor_split(state: State) -> None:
    ticket = a_ticket(state=state)
    is_closed = state is State.CLOSED
    assert isinstance(split(ticket, SPLIT, a_hand(), BIRTH), Refusal) is is_closed


@pytest.mark.promise("SIG-09")
def test_a_client_s_ticket_is_what_the_desk_s_rules_make_of_it() -> None:
    client = ClientRequest(ANN, "[P1] No mail flows", channel="phone")
    made = open_for(client, a_hand(), BIRTH)
    assert isinstance(made, Decision)
    assert (made.ticket.severity, made.ticket.customer, made.ticket.plan) == (
        "p1", "Contoso", "gold",
    )  # fmt: skip
    agents = open_for(replace(client, severity="p2"), a_hand(), BIRTH)
    assert isinstance(agents, Decision)
    assert agents.ticket.severity == "p2", "the agent knows better"


@pytest.mark.parametrize("minutes", [-60 * 24 * 367, 5])
def test_a_client_asked_within_a_year_and_not_in_the_future(minutes: float) -> None:
    context = CommandContext(a_desk(), TOM, at(minutes), at(0))
    result = open_for(ClientRequest(ANN, "x"), context, BIRTH)
    assert refusal(result).reason is RefusalReason.UNSUITABLE
