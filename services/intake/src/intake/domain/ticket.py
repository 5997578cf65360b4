"""A ticket as it stands, and what may be done with it now."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from intake.domain.command_registry import State, allowed_in, declarations
from intake.domain.desk import Desk
from intake.domain.file_links import FileLinks
from intake.domain.matrix import Level, Origin
from intake.domain.request_details import NO_DETAILS, RequestDetails
from intake.domain.requester_links import RequesterLinks
from intake.domain.services import Offer
from intake.domain.ticket_parts import AgreedDue, Feedback, Link, LinkKind, Meeting, Milestone
from intake.domain.windows import Window
from pledge.events import Actor, Contact, TicketEvent

CLOCK_TOLERANCE: Final = timedelta(minutes=1)
"""A fact may lie this far in the future: the clocks of an agent's desk and ours differ."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a requester asked, as it stands after ``sequence`` facts. Times are UTC."""

    id: UUID
    desk: str
    number: str
    state: State
    sequence: int
    subject_line: str
    channel: str
    requester: Contact
    opened_at: datetime
    changed_at: datetime
    severity: str | None = None
    priority: str | None = None
    plan: str | None = None
    product: str | None = None
    customer: str | None = None
    line: str | None = None
    language: str | None = None
    reply_to: str | None = None
    is_trial: bool = False
    is_urgent: bool = False
    missing: tuple[str, ...] = ()
    participants: tuple[Contact, ...] = ()
    assignee: Actor | None = None
    team: str | None = None
    incident_id: UUID | None = None
    unanswered_attempts: int = 0
    heard_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    message_id: str | None = None
    request_details: RequestDetails = NO_DETAILS
    reported_at: datetime | None = None
    links: tuple[Link, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    meetings: tuple[Meeting, ...] = ()
    milestones: tuple[Milestone, ...] = ()
    agreed: tuple[AgreedDue, ...] = ()
    offers: tuple[Offer, ...] = ()
    windows: tuple[Window, ...] = ()

    @property
    def merged_into(self) -> Link | None:
        """The ticket that this one was merged into, if it was."""
        return next((each for each in self.links if each.kind is LinkKind.MERGED_INTO), None)

    @property
    def counts_from(self) -> datetime:
        """When its issue was reported: at the opening, or before it (SIG-09)."""
        return min(self.opened_at, self.reported_at or self.opened_at)

    @property
    def allowed(self) -> tuple[str, ...]:
        """What may be done with the ticket now, by the names of the API."""
        return allowed_in(self.state)


@dataclass(frozen=True, slots=True)
class CommandContext:
    """Who acts under which desk's rules, when it happened and when we learned of it (UTC).

    ``links`` make the pages on which a requester answers; None: there are none. ``is_backdated``
    says that the agent gave the time: what happened earlier reached the requester by other means.
    """

    desk: Desk
    by: Actor
    occurred_at: datetime
    now: datetime
    links: RequesterLinks | None = None
    file_links: FileLinks | None = None
    is_backdated: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The ticket as it is now, the facts that made it so, and why."""

    ticket: Ticket
    events: tuple[TicketEvent, ...]
    reason: str


class RefusalReason(StrEnum):
    """Why a command is refused."""

    NOT_ALLOWED_NOW = "not_allowed_now"
    IN_THE_FUTURE = "in_the_future"
    BEFORE_OPENING = "before_opening"
    UNKNOWN_SEVERITY = "unknown_severity"
    UNKNOWN_PRIORITY = "unknown_priority"
    UNKNOWN_IMPACT = "unknown_impact"
    UNKNOWN_URGENCY = "unknown_urgency"
    UNKNOWN_PLAN = "unknown_plan"
    UNKNOWN_MILESTONE = "unknown_milestone"
    NOTHING_TO_CHANGE = "nothing_to_change"
    CONFLICT = "conflict"
    MOVED_ON = "moved_on"
    UNSUITABLE = "unsuitable"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing was done; ``detail`` says why and ``allowed`` what may be done instead."""

    reason: RefusalReason
    detail: str
    allowed: tuple[str, ...]


def is_same_person(one: Contact, other: Contact) -> bool:
    """Whether the two have an address, a number or a chat identity in common."""
    return any(
        mine is not None and mine == theirs
        for mine, theirs in (
            (one.email, other.email),
            (one.phone, other.phone),
            (one.chat, other.chat),
        )
    )


def refused(ticket: Ticket, action: str, context: CommandContext) -> Refusal | None:
    """Why the action can't be done on the ticket now, whatever its details; None: it can."""
    declared = declarations()[action]
    if not declared.is_internal and context.occurred_at > context.now + CLOCK_TOLERANCE:
        detail = "occurred_at lies in the future; give the instant it happened, or leave it out"
        return Refusal(RefusalReason.IN_THE_FUTURE, detail, ticket.allowed)
    if not declared.is_internal and context.occurred_at < ticket.opened_at:
        detail = f"occurred_at lies before the ticket was opened at {ticket.opened_at.isoformat()}"
        return Refusal(RefusalReason.BEFORE_OPENING, detail, ticket.allowed)
    if ticket.state not in declared.states:
        detail = f"{action} is not possible: the ticket is {ticket.state}"
        return Refusal(RefusalReason.NOT_ALLOWED_NOW, detail, ticket.allowed)
    return None


def fact_fields(ticket: Ticket, context: CommandContext) -> dict[str, Any]:
    """The fields that every fact of a ticket has."""
    return {
        "desk": ticket.desk,
        "ticket_id": ticket.id,
        "ticket_number": ticket.number,
        "occurred_at": context.occurred_at,
        "recorded_at": context.now,
    }


def reopening_fields(ticket: Ticket, context: CommandContext) -> dict[str, Any]:
    """The fields of a reopening, which comes after the end that it undoes: a mail that was received
    just before the ticket was closed, and read after that, reopens it all the same."""
    ended_at = max(
        (at for at in (ticket.resolved_at, ticket.closed_at) if at is not None),
        default=context.occurred_at,
    )
    occurred_at = max(context.occurred_at, ended_at)
    return {**fact_fields(ticket, context), "occurred_at": occurred_at}


def reach_of(details: RequestDetails) -> dict[str, Any]:
    """What facts say of impact and urgency, and of what the matrix gave by them."""
    return {
        "impact": details.impact,
        "urgency": details.urgency,
        "is_by_matrix": details.origin is Origin.MATRIX,
    }


def opened_with(ticket: Ticket) -> dict[str, Any]:
    """What the first fact says of the ticket as it stands, however it was opened."""
    return {
        "subject_line": ticket.subject_line,
        "channel": ticket.channel,
        "requester": ticket.requester,
        "participants": ticket.participants,
        "reply_to": ticket.reply_to,
        "language": ticket.language,
        "severity": ticket.severity,
        "priority": ticket.priority,
        **reach_of(ticket.request_details),
        "plan": ticket.plan,
        "product": ticket.product,
        "customer": ticket.customer,
        "is_trial": ticket.is_trial,
        "is_urgent": ticket.is_urgent,
        "entitled": ticket.request_details.entitled,
    }


def done(
    ticket: Ticket, context: CommandContext, reason: str, *events: TicketEvent, **changes: Any
) -> Decision:
    """The decision that adds facts to a ticket and changes the given fields."""
    changed = replace(
        ticket, sequence=ticket.sequence + len(events), changed_at=context.now, **changes
    )
    return Decision(changed, events, reason)


def nothing_to_change(ticket: Ticket, detail: str) -> Refusal:
    """The refusal of what is so already, or has nothing to work on."""
    return Refusal(RefusalReason.NOTHING_TO_CHANGE, detail, ticket.allowed)


def unknown_values(
    severity: str | None, priority: str | None, desk: Desk, allowed: tuple[str, ...]
) -> Refusal | None:
    """The refusal of a severity or priority that the desk does not have."""
    if severity is not None and severity not in desk.severities:
        detail = f"{severity} is no severity here; one of: {', '.join(desk.severities)}"
        return Refusal(RefusalReason.UNKNOWN_SEVERITY, detail, allowed)
    if priority is not None and priority not in desk.priorities:
        known = ", ".join(desk.priorities) or "none are defined"
        detail = f"{priority} is no priority here; one of: {known}"
        return Refusal(RefusalReason.UNKNOWN_PRIORITY, detail, allowed)
    return None


def unknown_reach(
    impact: str | None, urgency: str | None, desk: Desk, allowed: tuple[str, ...]
) -> Refusal | None:
    """The refusal of an impact or urgency that the desk does not have."""
    matrix = desk.matrix
    asked: tuple[tuple[str | None, tuple[Level, ...], RefusalReason], ...] = (
        (impact, matrix.impacts if matrix else (), RefusalReason.UNKNOWN_IMPACT),
        (urgency, matrix.urgencies if matrix else (), RefusalReason.UNKNOWN_URGENCY),
    )
    for name, levels, reason in asked:
        if name is not None and name not in {each.name for each in levels}:
            known = ", ".join(each.name for each in levels) or "none are defined"
            what = reason.value.removeprefix("unknown_")
            return Refusal(reason, f"{name} is no {what} here; one of: {known}", allowed)
    return None
