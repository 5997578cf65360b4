"""A ticket as it stands, and what may be done with it now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from intake.domain.commands import Action
from intake.domain.desk import Desk
from intake.domain.meeting_links import MeetingLinks
from intake.domain.request_details import NOTHING_PARTICULAR, Particulars
from intake.domain.ticket_parts import Feedback, Link, LinkKind, Meeting
from pledge.events import Actor, Contact, TicketEvent


class State(StrEnum):
    """Where a ticket stands."""

    OPEN = "open"
    WAITING_ON_CUSTOMER = "waiting_on_customer"
    CUSTOMER_UNAVAILABLE = "customer_unavailable"
    RESOLVED = "resolved"
    CLOSED = "closed"


WAITING: Final = frozenset((State.WAITING_ON_CUSTOMER, State.CUSTOMER_UNAVAILABLE))
FINISHED: Final = frozenset((State.RESOLVED, State.CLOSED))

# Feedback and its review outlive the ticket's end (INF-11 to INF-13).
_CARE: Final = frozenset(
    (
        Action.FEEDBACK, Action.ACKNOWLEDGE_FEEDBACK, Action.OPEN_REVIEW, Action.UPDATE_REVIEW,
        Action.CONCLUDE_REVIEW, Action.REQUEST_ARBITRATION,
    )
)  # fmt: skip
# What happened before the end may be told after it: a call is logged an hour later. What can be
# done at any age: to follow up (SIG-08).
_TOLD_LATE: Final = _CARE | {
    Action.NOTE, Action.REPLY, Action.CONTACT_ATTEMPTS, Action.HEAR, Action.FOLLOW_UP,
    Action.HOLD_MEETING, Action.CANCEL_MEETING, Action.MISUSE,
}  # fmt: skip
_ON_RESOLVED: Final = _TOLD_LATE | {
    Action.TRIAGE, Action.WORKAROUND, Action.REOPEN, Action.CLOSE, Action.ASSIGN,
    Action.LINK_INCIDENT, Action.SPLIT, Action.MERGE, Action.PLAN, Action.SCOPE,
    Action.ENTITLEMENT,
}  # fmt: skip
_ON_OPEN: Final = frozenset(Action) - {Action.REOPEN, Action.RESUME}

ALLOWED: Final[Mapping[State, frozenset[Action]]] = MappingProxyType(
    {
        State.OPEN: _ON_OPEN,
        State.WAITING_ON_CUSTOMER: _ON_OPEN | {Action.RESUME},
        State.CUSTOMER_UNAVAILABLE: _ON_OPEN | {Action.RESUME},
        State.RESOLVED: _ON_RESOLVED,
        State.CLOSED: _TOLD_LATE | {Action.REOPEN},
    }
)


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
    incident_id: UUID | None = None
    unanswered_attempts: int = 0
    heard_at: datetime | None = None
    resolved_at: datetime | None = None
    closed_at: datetime | None = None
    message_id: str | None = None
    particulars: Particulars = NOTHING_PARTICULAR
    reported_at: datetime | None = None
    links: tuple[Link, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    meetings: tuple[Meeting, ...] = ()

    @property
    def merged_into(self) -> Link | None:
        """The ticket in which this one's story goes on, if it was merged away."""
        return next((each for each in self.links if each.kind is LinkKind.MERGED_INTO), None)

    @property
    def counts_from(self) -> datetime:
        """When its issue was reported: at the opening, or before it (SIG-09)."""
        return min(self.opened_at, self.reported_at or self.opened_at)

    @property
    def allowed(self) -> tuple[str, ...]:
        """What may be done with the ticket now, by the names of the API."""
        return tuple(sorted(ALLOWED[self.state] - {Action.HEAR}))


@dataclass(frozen=True, slots=True)
class Hand:
    """Who acts under which desk's rules, when it happened and when we were told (UTC). ``links``
    make the pages on which a requester answers; None: there are none."""

    desk: Desk
    by: Actor
    occurred_at: datetime
    now: datetime
    links: MeetingLinks | None = None


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
    UNKNOWN_PLAN = "unknown_plan"
    NOTHING_TO_CHANGE = "nothing_to_change"
    CONFLICT = "conflict"
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
