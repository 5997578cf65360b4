"""What commands make of a ticket."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from intake.domain.command_registry import Command, State, allowed_in, declarations
from intake.domain.commands import (
    conversation,
    coverage,
    decide,
    maintenance,
    meetings,
    milestones,
    participants,
    progress,
    promises,
    relations,
    reviews,
    services,
)
from intake.domain.commands.conversation import (
    AttemptContact,
    CompleteInformation,
    Note,
    RecordReply,
    Reply,
    RequestInformation,
    route_of_reply,
)
from intake.domain.commands.progress import (
    Assign,
    Reopen,
    Resolve,
    Resume,
    Triage,
    Wait,
    WaitingFor,
)
from intake.domain.commands.relations import FollowUp, Merge, Split
from intake.domain.desk import Team
from intake.domain.ticket import CommandContext, Decision, Refusal, RefusalReason, Ticket
from intake.schemas import BODIES
from pledge.events import Assigned, Contact, EmailRequested, Triaged
from unit.intake.builders import ANN, TOM, a_desk, a_ticket, at, attempt, decided, kinds

REPLY = RecordReply(by=ANN, channel="email", delivery="d1", text="Still broken")


def test_every_command_is_declared_and_has_a_decision_of_its_own() -> None:
    modules = (
        coverage, conversation, maintenance, meetings, milestones, participants, progress,
        promises, relations, reviews, services,
    )  # fmt: skip
    names = {name: value for module in modules for name, value in vars(module).items()}
    commands = {each for each in names.values() if _is_command(each)}
    assert {each.command for each in declarations().values()} == commands
    assert all(each.command.action == action for action, each in declarations().items())
    between = {Merge, Split, FollowUp}  # two tickets
    assert all(each.decide is not Command.decide for each in commands - between)


def test_every_command_that_an_agent_gives_has_a_body_with_its_fields() -> None:
    for action, declared in declarations().items():
        assert (action in BODIES) is not declared.is_internal
        if declared.is_internal:
            continue
        sent = {each.name for each in fields(declared.command) if "internal" not in each.metadata}
        assert set(BODIES[action].model_fields) == {*sent, "occurred_at", "seen"}
        assert BODIES[action].__doc__ == declared.command.__doc__


def _is_command(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Command) and value is not Command


@pytest.mark.parametrize("state", [State.WAITING_ON_CUSTOMER, State.CUSTOMER_UNAVAILABLE])
def test_a_reply_ends_waiting(state: State) -> None:
    decision = decided(a_ticket(state=state, unanswered_attempts=2), REPLY)
    assert kinds(decision) == ["requester_replied"]
    assert decision.ticket.state is State.OPEN
    assert decision.ticket.unanswered_attempts == 0


@pytest.mark.parametrize("state", [State.RESOLVED, State.CLOSED])
def test_a_reply_on_a_finished_ticket_reopens_it(state: State) -> None:
    decision = decided(a_ticket(state=state, closed_at=None), REPLY)
    assert kinds(decision) == ["reopened", "requester_replied"]
    assert decision.ticket.state is State.OPEN
    assert decision.ticket.sequence == 3


@pytest.mark.parametrize("command", [REPLY, Reopen()])
def test_what_reopens_a_ticket_does_so_after_the_end_that_it_undoes(command: Command) -> None:
    """The message was received before the ticket was closed, and read after that."""
    ended = a_ticket(state=State.CLOSED, resolved_at=at(10), closed_at=at(12))
    decision = decide(ended, command, CommandContext(a_desk(), TOM, at(11), at(13)))
    assert isinstance(decision, Decision), decision
    assert {each.type: each.occurred_at for each in decision.events} in (
        {"pledge.ticket.reopened.v1": at(12)},
        {"pledge.ticket.reopened.v1": at(12), "pledge.ticket.requester_replied.v1": at(11)},
    )


def test_who_answers_by_the_signed_address_joins_the_participants_once() -> None:
    bob = Contact(email="bob@contoso.example")
    invited = replace(REPLY, by=bob, joins=True)
    first = decided(a_ticket(), invited)
    assert kinds(first) == ["requester_replied", "participants_changed"]
    assert first.ticket.participants == (bob,)
    assert kinds(decided(first.ticket, invited)) == ["requester_replied"]
    assert kinds(decided(a_ticket(), replace(invited, joins=False))) == ["requester_replied"]


def test_an_escalation_and_a_callback_are_told_with_the_reply() -> None:
    decision = decided(a_ticket(), replace(REPLY, escalates_to="manager", callback=True))
    assert kinds(decision) == ["requester_replied", "callback_requested", "escalated"]


def test_triage_raises_trial_customers_to_their_floor_and_keeps_what_was_asked() -> None:
    decision = decided(a_ticket(is_trial=True), Triage(severity="p3", why="a question"))
    (event,) = decision.events
    assert isinstance(event, Triaged)
    assert (event.severity, event.requested_severity, event.previous_severity) == ("p2", "p3", "p3")
    assert decision.ticket.severity == "p2"
    assert decided(a_ticket(is_trial=True), Triage(severity="p1")).ticket.severity == "p1"


def test_triage_leaves_what_it_does_not_name() -> None:
    decision = decided(a_ticket(severity="p2", priority="low"), Triage(priority="high"))
    assert (decision.ticket.severity, decision.ticket.priority) == ("p2", "high")


def test_a_reply_is_mailed_unless_it_reached_the_requester_already() -> None:
    sent = decided(a_ticket(message_id="<1@x.example>"), Reply("Hello"))
    assert kinds(sent) == ["agent_replied", "email_requested"]
    mail = sent.events[1]
    assert isinstance(mail, EmailRequested)
    assert mail.subject_line == "Re: [VIR-10007] No mail flow"
    assert mail.references == ("<1@x.example>",)
    assert mail.is_automatic is False
    assert kinds(decided(a_ticket(), Reply("Hello", channel="phone"))) == ["agent_replied"]
    nobody = a_ticket(requester=Contact(phone="+15550100"))
    assert kinds(decided(nobody, Reply("Hello"))) == ["agent_replied"]


def test_who_gets_a_reply_is_known_before_it_is_sent() -> None:
    bob, caller = Contact(email="bob@contoso.example"), Contact(phone="+15550100")
    ticket = a_ticket(participants=(bob, caller))
    route = route_of_reply(ticket)
    assert (route.to, route.copies, route.without) == (ticket.requester, (bob,), (caller,))
    mail = decided(ticket, Reply("Hello")).events[1]
    assert isinstance(mail, EmailRequested)
    assert (mail.to, mail.cc, mail.subject_line) == ((route.to,), route.copies, route.subject_line)
    by_phone = route_of_reply(a_ticket(requester=caller, participants=(bob,)))
    assert (by_phone.to, by_phone.copies, by_phone.without) == (None, (), (caller, bob))


def test_a_reply_given_with_its_time_reached_the_requester_by_other_means() -> None:
    context = CommandContext(a_desk(), TOM, at(10), at(60), is_backdated=True)
    decision = decide(a_ticket(), Reply("Hello"), context)
    assert isinstance(decision, Decision)
    assert kinds(decision) == ["agent_replied"]


def test_two_replies_ask_for_two_mails() -> None:
    one = decided(a_ticket(), Reply("One"))
    two = decided(one.ticket, Reply("Two"))
    ids = {each.email_id for each in (*one.events, *two.events) if isinstance(each, EmailRequested)}
    assert len(ids) == 2


def test_unanswered_attempts_count_until_somebody_is_reached() -> None:
    missed = AttemptContact(channel="phone", reached=False)
    ticket = decided(decided(a_ticket(), missed).ticket, missed).ticket
    assert ticket.unanswered_attempts == 2
    assert (
        decided(ticket, AttemptContact(channel="phone", reached=True)).ticket.unanswered_attempts
        == 0
    )


def test_waiting_for_the_provider_is_the_end_of_waiting() -> None:
    waiting = decided(a_ticket(), Wait(WaitingFor.CUSTOMER)).ticket
    assert waiting.state is State.WAITING_ON_CUSTOMER
    assert kinds(decided(waiting, Wait(WaitingFor.PROVIDER))) == ["waiting_on_provider"]
    assert kinds(decided(waiting, Resume())) == ["waiting_on_provider"]
    assert kinds(decided(waiting, Wait(WaitingFor.UNAVAILABLE))) == ["customer_unavailable"]


@pytest.mark.parametrize(
    ("ticket", "command", "reason"),
    [
        (a_ticket(), Reopen(), RefusalReason.NOT_ALLOWED_NOW),
        (a_ticket(), Resume(), RefusalReason.NOT_ALLOWED_NOW),
        (a_ticket(state=State.CLOSED), Resolve(), RefusalReason.NOT_ALLOWED_NOW),
        (a_ticket(state=State.RESOLVED), Resolve(), RefusalReason.NOT_ALLOWED_NOW),
        (a_ticket(), Wait(WaitingFor.PROVIDER), RefusalReason.NOTHING_TO_CHANGE),
        (a_ticket(), CompleteInformation(), RefusalReason.NOTHING_TO_CHANGE),
        (a_ticket(), RequestInformation(()), RefusalReason.NOTHING_TO_CHANGE),
        (a_ticket(), Assign(None), RefusalReason.NOTHING_TO_CHANGE),
        (a_ticket(), Triage(severity="p9"), RefusalReason.UNKNOWN_SEVERITY),
        (a_ticket(), Triage(priority="urgent"), RefusalReason.UNKNOWN_PRIORITY),
    ],
)
def test_what_makes_no_sense_is_refused_and_says_what_is_allowed(
    ticket: Ticket, command: Command, reason: RefusalReason
) -> None:
    refusal = attempt(ticket, command)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is reason
    assert refusal.allowed == ticket.allowed


def test_the_past_since_the_opening_may_be_told_late_and_the_future_never() -> None:
    note = Note("x")
    late = decided(a_ticket(), note, minutes=5, now=65)
    assert (late.events[0].recorded_at - late.events[0].occurred_at).total_seconds() == 3600
    decided(a_ticket(), note, minutes=10.9, now=10)
    future = attempt(a_ticket(), note, minutes=12, now=10)
    past = attempt(a_ticket(), note, minutes=-1, now=10)
    assert isinstance(future, Refusal)
    assert future.reason is RefusalReason.IN_THE_FUTURE
    assert isinstance(past, Refusal)
    assert past.reason is RefusalReason.BEFORE_OPENING


def test_what_was_done_before_the_end_may_be_told_after_it() -> None:
    for command in (
        Note("x"),
        Reply("x"),
        AttemptContact(channel="phone", reached=True),
        REPLY,
    ):
        for state in State:
            assert isinstance(attempt(a_ticket(state=state), command), Decision)


def test_every_state_has_a_way_on() -> None:
    for state in State:
        assert {"close", "reopen"} & set(allowed_in(state))


def test_a_ticket_goes_to_a_team_with_or_without_somebody_of_it() -> None:
    desk = a_desk(teams=(Team("l1", "First line"), Team("l2", "Second line")))
    context = CommandContext(desk, TOM, at(10), at(10))

    def assigned(ticket: Ticket, command: Assign) -> tuple[Ticket, Assigned]:
        decision = decide(ticket, command, context)
        assert isinstance(decision, Decision), decision
        (event,) = decision.events
        assert isinstance(event, Assigned)
        return decision.ticket, event

    ticket, event = assigned(a_ticket(), Assign(None, team="l1"))
    assert (ticket.team, ticket.assignee) == ("l1", None)
    assert (event.team, event.previous_team, event.is_team_changed) == ("l1", None, True)
    assert (event.is_taken, event.is_left) == (False, False)
    ticket, event = assigned(ticket, Assign("tom"))
    assert (event.team, event.is_team_changed, event.is_taken) == ("l1", False, True)
    ticket, event = assigned(ticket, Assign(None, team="l2"))
    assert (event.previous_team, event.is_team_changed, event.is_left) == ("l1", True, True)
    assert (ticket.team, ticket.assignee) == ("l2", None)
    same = decide(ticket, Assign(None, team="l2"), context)
    assert isinstance(same, Refusal)
    assert same.reason is RefusalReason.NOTHING_TO_CHANGE
    unknown = decide(ticket, Assign(None, team="l3"), context)
    assert isinstance(unknown, Refusal)
    assert "l1, l2" in unknown.detail
