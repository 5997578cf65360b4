"""What each command makes of a ticket.

``decide`` is total: every command on every ticket gives a Decision or a Refusal that says what is
allowed instead. Nothing here knows the time; ``Hand`` carries who acts and when.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import uuid5

from intake.domain import commands as do
from intake.domain import contract_commands, meetings, reviews
from intake.domain.admission import ask, items_of
from intake.domain.command_dispatch import apply, common, done, nothing, refused, told
from intake.domain.commands import Command, WaitingFor
from intake.domain.misuse import Misuse, misused
from intake.domain.ticket import (
    FINISHED,
    Decision,
    Hand,
    Refusal,
    RefusalReason,
    State,
    Ticket,
    is_same_person,
)
from pledge.events import (
    AgentReplied,
    Assigned,
    CallbackRequested,
    Closed,
    Contact,
    ContactAttempted,
    CustomerUnavailable,
    EmailRequested,
    Escalated,
    InformationCompleted,
    LinkedToIncident,
    MisuseRecorded,
    Noted,
    ParticipantsChanged,
    Reopened,
    RequesterReplied,
    Resolved,
    TicketEvent,
    Triaged,
    WaitingOnCustomer,
    WaitingOnProvider,
    WorkaroundProvided,
)

MAX_PARTICIPANTS: Final = 50
ELSEWHERE: Final = (meetings, reviews, contract_commands)
"""Modules that say what further commands mean; importing them registers them."""

__all__ = ["MAX_PARTICIPANTS", "asked_for", "common", "decide", "told"]


def decide(ticket: Ticket, command: Command, hand: Hand) -> Decision | Refusal:
    """What the command makes of the ticket."""
    return refused(ticket, command.action, hand) or apply(command, ticket, hand)


@apply.register
def _triage(command: do.Triage, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    desk = hand.desk
    if command.severity is not None and command.severity not in desk.severities:
        detail = f"{command.severity} is no severity here; one of: {', '.join(desk.severities)}"
        return Refusal(RefusalReason.UNKNOWN_SEVERITY, detail, ticket.allowed)
    if command.priority is not None and command.priority not in desk.priorities:
        known = ", ".join(desk.priorities) or "none are defined"
        detail = f"{command.priority} is no priority here; one of: {known}"
        return Refusal(RefusalReason.UNKNOWN_PRIORITY, detail, ticket.allowed)
    asked = command.severity or ticket.severity
    severity = desk.floored(asked, is_trial=ticket.is_trial)
    event = Triaged(
        **common(ticket, hand),
        severity=severity,
        priority=command.priority or ticket.priority,
        previous_severity=ticket.severity,
        previous_priority=ticket.priority,
        requested_severity=asked if severity != asked else None,
        by=hand.by,
        why=command.why,
        product=command.product,
        known_incident=command.known_incident,
    )
    is_other = (severity, event.priority) != (ticket.severity, ticket.priority)
    own = ticket.particulars
    if is_other:
        own = replace(own, assessed_by=hand.by, assessed_why=command.why)
    if (misuse := _misuse(ticket, severity, hand)) is None:
        told_too: tuple[TicketEvent, ...] = ()
    else:
        facts = {**common(ticket, hand), "line": misuse.line, "severity": misuse.severity}
        told_too = (MisuseRecorded(**facts, by=hand.by, rule=misuse.rule),)
        own = replace(own, misuse=misuse)
    return done(
        ticket, hand, "triaged", event, *told_too,
        severity=severity, priority=event.priority, product=command.product or ticket.product,
        particulars=own,
        # To the regular queue (SMS-05).
        is_urgent=ticket.is_urgent and misuse is None,
    )  # fmt: skip


def _misuse(ticket: Ticket, severity: str | None, hand: Hand) -> Misuse | None:
    """What this severity first shows to be a misuse of the line that the request came by."""
    if ticket.particulars.misuse is not None:
        return None
    return misused(hand.desk.misuse_rules, ticket.line, severity, hand.occurred_at)


@apply.register
def _reply(command: do.Reply, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    event = AgentReplied(
        **common(ticket, hand),
        agent=hand.by,
        channel=command.channel,
        text=command.text,
        to=(ticket.requester, *ticket.participants),
        is_initial_response=command.is_initial_response,
    )
    if not command.sends or ticket.requester.email is None:
        return done(ticket, hand, "agent_replied", event)
    mail = EmailRequested(
        **common(ticket, hand),
        # Derived, so that the same reply asks for the same mail whoever computes it.
        email_id=uuid5(ticket.id, f"reply {ticket.sequence}"),
        to=(ticket.requester,),
        cc=tuple(each for each in ticket.participants if each.email is not None),
        template="agent_reply",
        subject_line=_reply_subject(ticket),
        text=command.text,
        reply_to=ticket.reply_to,
        in_reply_to=ticket.message_id,
        references=(ticket.message_id,) if ticket.message_id else (),
        is_urgent=True,
        is_automatic=False,
    )
    return done(ticket, hand, "agent_replied", event, mail)


def _reply_subject(ticket: Ticket) -> str:
    tag = f"[{ticket.number}]"
    subject = ticket.subject_line if tag in ticket.subject_line else f"{tag} {ticket.subject_line}"
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"


@apply.register
def _note(command: do.Note, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    return done(ticket, hand, "noted", Noted(**common(ticket, hand), by=hand.by, text=command.text))


@apply.register
def _attempt(command: do.AttemptContact, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    event = ContactAttempted(
        **common(ticket, hand),
        by=hand.by,
        channel=command.channel,
        reached=command.reached,
        note=command.note,
    )
    attempts = 0 if command.reached else ticket.unanswered_attempts + 1
    return done(ticket, hand, "contact_attempted", event, unanswered_attempts=attempts)


@apply.register
def _resolve(command: do.Resolve, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    event = Resolved(
        **common(ticket, hand),
        by=hand.by,
        resolution=command.resolution,
        fixed_in_release=command.fixed_in_release,
        release=command.release,
    )
    return done(ticket, hand, "resolved", event, state=State.RESOLVED, resolved_at=hand.occurred_at)


@apply.register
def _reopen(command: do.Reopen, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    if (into := ticket.merged_into) is not None:
        detail = f"its story goes on in {into.number}: reopen or split that one"
        return Refusal(RefusalReason.CONFLICT, detail, ticket.allowed)
    event = Reopened(**common(ticket, hand), by=hand.by, why=command.why)
    return done(ticket, hand, "reopened", event, state=State.OPEN, resolved_at=None, closed_at=None)


@apply.register
def _close(command: do.Close, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    event = Closed(
        **common(ticket, hand), by=hand.by, reason=command.reason, conditions=command.conditions
    )
    return done(ticket, hand, "closed", event, state=State.CLOSED, closed_at=hand.occurred_at)


@apply.register
def _wait(command: do.Wait, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    facts = {**common(ticket, hand), "by": hand.by, "why": command.why}
    event: TicketEvent
    if command.waiting_for is WaitingFor.PROVIDER:
        state, event = State.OPEN, WaitingOnProvider(**facts)
    elif command.waiting_for is WaitingFor.CUSTOMER:
        state, event = State.WAITING_ON_CUSTOMER, WaitingOnCustomer(**facts)
    else:
        state, event = State.CUSTOMER_UNAVAILABLE, CustomerUnavailable(**facts)
    if state is ticket.state:
        return nothing(ticket, f"the ticket is {ticket.state} already")
    return done(ticket, hand, str(command.waiting_for), event, state=state)


@apply.register
def _resume(command: do.Resume, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    event = WaitingOnProvider(**common(ticket, hand), by=hand.by, why=command.why)
    return done(ticket, hand, "resumed", event, state=State.OPEN)


@apply.register
def _workaround(command: do.ProvideWorkaround, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    event = WorkaroundProvided(
        **common(ticket, hand),
        by=hand.by,
        circumvention=command.circumvention,
        # Where there is no way around the fault, nothing serves in place of its repair.
        is_suitable=command.is_suitable and command.circumvention != "none",
        severity=ticket.severity,
        text=command.text,
    )
    particulars = replace(ticket.particulars, circumvention=command.circumvention)
    return done(ticket, hand, "workaround_provided", event, particulars=particulars)


@apply.register
def _ask(command: do.RequestInformation, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    if not command.missing:
        return nothing(ticket, "name at least one piece of information that is missing")
    asking = replace(ticket, missing=command.missing)
    events = ask(asking, items_of(asking, hand.desk), hand.desk, common(ticket, hand), hand.by)
    return done(ticket, hand, "information_requested", *events, missing=command.missing)


@apply.register
def _complete(command: do.CompleteInformation, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    if not ticket.missing:
        return nothing(ticket, "no information is missing")
    known = {**ticket.particulars.information, **command.fields}
    event = InformationCompleted(**common(ticket, hand), fields=known)
    particulars = replace(ticket.particulars, information=known)
    return done(ticket, hand, "information_completed", event, missing=(), particulars=particulars)


@apply.register
def _assign(command: do.Assign, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    if command.assignee == ticket.assignee:
        return nothing(ticket, "the ticket has that assignee already")
    event = Assigned(**common(ticket, hand), assignee=command.assignee, by=hand.by)
    return done(ticket, hand, "assigned", event, assignee=command.assignee)


@apply.register
def _link(command: do.LinkIncident, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    if command.incident_id == ticket.incident_id:
        return nothing(ticket, "the ticket is linked to that incident already")
    event = LinkedToIncident(**common(ticket, hand), incident_id=command.incident_id, by=hand.by)
    return done(ticket, hand, "linked", event, incident_id=command.incident_id)


@apply.register
def _hear(command: do.Hear, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    """A reply ends waiting, and reopens what was resolved or closed, at any age (SIG-08)."""
    facts = common(ticket, hand)
    events: list[TicketEvent] = [
        RequesterReplied(
            **facts,
            by=command.by,
            channel=command.channel,
            line=command.line,
            delivery=command.delivery,
            text=command.text,
            is_urgent=command.is_urgent,
        )
    ]
    participants = _joined(ticket, command)
    if participants is not ticket.participants:
        events.append(
            ParticipantsChanged(
                **facts, requester=ticket.requester, participants=participants, by=hand.by
            )
        )
    is_finished = ticket.state in FINISHED
    if is_finished:
        events.append(Reopened(**facts, by=hand.by, why="the requester replied"))
    events += asked_for(command, facts)
    return done(
        ticket, hand, "reopened_by_reply" if is_finished else "requester_replied", *events,
        state=State.OPEN,
        participants=participants,
        unanswered_attempts=0,
        heard_at=max(hand.occurred_at, ticket.heard_at or hand.occurred_at),
        is_urgent=ticket.is_urgent or command.is_urgent,
        message_id=command.message_id or ticket.message_id,
        resolved_at=None if is_finished else ticket.resolved_at,
        closed_at=None if is_finished else ticket.closed_at,
    )  # fmt: skip


def asked_for(command: do.Hear, facts: Mapping[str, Any]) -> list[TicketEvent]:
    """What a delivery asks for beside being answered: a call back, a manager."""
    events: list[TicketEvent] = []
    if command.callback:
        events.append(
            CallbackRequested(
                **facts, by=command.by, phone=command.by.phone, is_urgent=command.is_urgent
            )
        )
    if command.escalates_to is not None:
        events.append(
            Escalated(
                **facts,
                by=command.by,
                to=command.escalates_to,
                line=command.line,
                text=command.text,
            )
        )
    return events


def _joined(ticket: Ticket, command: do.Hear) -> tuple[Contact, ...]:
    people = (ticket.requester, *ticket.participants)
    is_known = any(is_same_person(command.by, each) for each in people)
    if is_known or not command.joins or len(ticket.participants) >= MAX_PARTICIPANTS:
        return ticket.participants
    return (*ticket.participants, command.by)
