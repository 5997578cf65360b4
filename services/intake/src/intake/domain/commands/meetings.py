"""Meetings and live sessions (SIG-07): proposed, agreed and sent as an invitation, held or not.

At most one meeting of a ticket is agreed at a time; further proposals wait until it is over.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Annotated, Final
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, StringConstraints

from intake.domain.command_fields import Line, LongText
from intake.domain.command_registry import ANY_STATE, Command, command
from intake.domain.commands.parts_of_ticket import room_for_one, the_one
from intake.domain.history_words import meeting, step
from intake.domain.invitation import Method, invitation
from intake.domain.text import one_line
from intake.domain.ticket import (
    CommandContext,
    Decision,
    Refusal,
    RefusalReason,
    Ticket,
    done,
    fact_fields,
)
from intake.domain.ticket_parts import Meeting, MeetingState
from intake.domain.windows import conflict
from pledge.events import (
    EmailRequested,
    Instant,
    MeetingAgreed,
    MeetingCancelled,
    MeetingHeld,
    MeetingProposed,
    TicketEvent,
)

LONGEST: Final = timedelta(hours=12)
FURTHEST: Final = timedelta(days=366)
MAX_OPEN: Final = 5
"""So many meetings may be proposed at once, to choose from."""
MAX_KEPT: Final = 30
"""A ticket keeps so many meetings; finished ones are dropped first."""
_OVER: Final = {MeetingState.HELD, MeetingState.CANCELLED}
_CANCELLABLE: Final = {MeetingState.PROPOSED, MeetingState.AGREED}


def _is_any(ticket: Ticket, *states: MeetingState) -> bool:
    return any(each.state in states for each in ticket.meetings)


@command("propose-meeting", history={"meeting_proposed": meeting("A meeting was proposed")})
@dataclass(frozen=True, slots=True)
class ProposeMeeting(Command):
    """A meeting or live session proposed to the requester (SIG-07). `place`: a link or a place. One
    that overlaps maintenance of the customer is refused, unless `despite_window` (INF-09)."""

    starts_at: Instant
    ends_at: Instant
    place: Annotated[
        str, StringConstraints(max_length=500), AfterValidator(lambda text: one_line(text, 500))
    ] = ""
    despite_window: bool = False

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        detail = None
        proposed = [each for each in ticket.meetings if each.state is MeetingState.PROPOSED]
        if not context.occurred_at < self.starts_at <= context.occurred_at + FURTHEST:
            detail = f"starts_at must lie ahead, within {FURTHEST.days} days"
        elif not timedelta() < self.ends_at - self.starts_at <= LONGEST:
            detail = (
                f"ends_at must come after starts_at, by {LONGEST.seconds // 3600} hours at most"
            )
        elif len(proposed) >= MAX_OPEN:
            detail = f"{MAX_OPEN} meetings are proposed already; cancel one of them"
        if detail is not None:
            return Refusal(RefusalReason.UNSUITABLE, detail, ticket.allowed)
        if not self.despite_window:
            refusal = _in_maintenance(ticket, context, self.starts_at, self.ends_at)
            if refusal is not None:
                return refusal
        meeting = Meeting(
            # Derived, so that the same proposal is the same meeting whichever replica computes it.
            uuid5(ticket.id, f"meeting {ticket.sequence}"),
            self.starts_at,
            self.ends_at,
            self.place,
        )
        event = MeetingProposed(
            **fact_fields(ticket, context),
            meeting_id=meeting.id,
            starts_at=meeting.starts_at,
            ends_at=meeting.ends_at,
            place=meeting.place,
            by=context.by,
            answer_url=context.links.url(ticket.desk, ticket.id, meeting.id)
            if context.links
            else None,
        )
        kept = room_for_one(ticket.meetings, MAX_KEPT, lambda each: each.state in _OVER)
        return done(ticket, context, "meeting_proposed", event, meetings=(*kept, meeting))


def _in_maintenance(
    ticket: Ticket, context: CommandContext, starts_at: datetime, ends_at: datetime
) -> Refusal | None:
    """The refusal of a time within maintenance of the customer."""
    window = conflict(ticket.windows, starts_at, ends_at)
    if window is None:
        return None
    zone = ZoneInfo(context.desk.zone)
    first, last = (each.astimezone(zone) for each in (window.starts_at, window.ends_at))
    detail = (
        f"the customer has maintenance from {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M %Z}; "
        "choose another time, or say despite_window"
    )
    return Refusal(RefusalReason.CONFLICT, detail, ticket.allowed)


@command(
    "agree-meeting",
    applies_to=lambda ticket: _is_any(ticket, MeetingState.PROPOSED),
    history={"meeting_agreed": meeting("A meeting is agreed")},
)
@dataclass(frozen=True, slots=True)
class AgreeMeeting(Command):
    """The requester agreed, in a call or a mail: the invitation goes out."""

    meeting_id: UUID | None = None
    despite_window: bool = False

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Both sides agreed: the requester accepted, or an agent logs it for them."""
        found = _one(ticket, self.meeting_id, {MeetingState.PROPOSED}, "is proposed")
        if isinstance(found, Refusal):
            return found
        if any(each.state is MeetingState.AGREED for each in ticket.meetings):
            detail = "a meeting is agreed already; hold or cancel it first"
            return Refusal(RefusalReason.CONFLICT, detail, ticket.allowed)
        if found.ends_at <= context.occurred_at:
            detail = "the time proposed is over; propose another one"
            return Refusal(RefusalReason.CONFLICT, detail, ticket.allowed)
        # The requester knows of their own maintenance, and is shown it beside the button.
        if not self.despite_window and context.by.kind != "requester":
            refusal = _in_maintenance(ticket, context, found.starts_at, found.ends_at)
            if refusal is not None:
                return refusal
        agreed = MeetingAgreed(
            **fact_fields(ticket, context),
            meeting_id=found.id,
            starts_at=found.starts_at,
            ends_at=found.ends_at,
            place=found.place,
            by=context.by,
        )
        events = (agreed, *_letter(ticket, context, found, Method.REQUEST))
        return _changed(ticket, context, found, MeetingState.AGREED, *events)


@command(
    "hold-meeting",
    states=ANY_STATE,
    applies_to=lambda ticket: _is_any(ticket, MeetingState.AGREED),
    history={"meeting_held": step("The meeting was held", "")},
)
@dataclass(frozen=True, slots=True)
class HoldMeeting(Command):
    """The meeting is over."""

    note: LongText = ""
    meeting_id: UUID | None = None

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        found = _one(ticket, self.meeting_id, {MeetingState.AGREED}, "is agreed")
        if isinstance(found, Refusal):
            return found
        event = MeetingHeld(
            **fact_fields(ticket, context), meeting_id=found.id, by=context.by, note=self.note
        )
        return _changed(ticket, context, found, MeetingState.HELD, event)


@command(
    "cancel-meeting",
    states=ANY_STATE,
    applies_to=lambda ticket: _is_any(ticket, *_CANCELLABLE),
    history={"meeting_cancelled": step("The meeting will not be", "")},
)
@dataclass(frozen=True, slots=True)
class CancelMeeting(Command):
    """The meeting will not be."""

    why: Line = ""
    meeting_id: UUID | None = None

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decline or withdraw a proposal, or call off an agreed meeting, which is mailed."""
        states = {MeetingState.PROPOSED, MeetingState.AGREED}
        found = _one(ticket, self.meeting_id, states, "is proposed or agreed")
        if isinstance(found, Refusal):
            return found
        cancelled = MeetingCancelled(
            **fact_fields(ticket, context), meeting_id=found.id, by=context.by, why=self.why
        )
        was_agreed = found.state is MeetingState.AGREED
        letters = _letter(ticket, context, found, Method.CANCEL) if was_agreed else ()
        return _changed(ticket, context, found, MeetingState.CANCELLED, cancelled, *letters)


def _one(
    ticket: Ticket, wanted: UUID | None, states: set[MeetingState], what: str
) -> Meeting | Refusal:
    found = [each for each in ticket.meetings if each.state in states]
    return the_one(
        ticket, found, wanted, lambda each: (each.id,),
        noun="meeting", what=what, several=f"meetings: {what}",
    )  # fmt: skip


def _changed(
    ticket: Ticket,
    context: CommandContext,
    found: Meeting,
    state: MeetingState,
    *events: TicketEvent,
) -> Decision:
    meetings = tuple(
        replace(each, state=state) if each is found else each for each in ticket.meetings
    )
    return done(ticket, context, f"meeting_{state}", *events, meetings=meetings)


def _letter(
    ticket: Ticket, context: CommandContext, meeting: Meeting, method: Method
) -> tuple[EmailRequested, ...]:
    """The invitation, or its withdrawal, to everybody of the ticket who has an address."""
    people = [each for each in (ticket.requester, *ticket.participants) if each.email]
    if not people:
        return ()
    is_request = method is Method.REQUEST
    return (
        EmailRequested(
            **fact_fields(ticket, context),
            email_id=uuid5(meeting.id, str(method)),
            to=tuple(people[:1]),
            cc=tuple(people[1:]),
            template="meeting_invitation" if is_request else "meeting_cancelled",
            variables={
                "starts_at": meeting.starts_at.isoformat(),
                "ends_at": meeting.ends_at.isoformat(),
                "place": meeting.place,
            },
            subject_line=f"[{ticket.number}] {ticket.subject_line}",
            reply_to=ticket.reply_to,
            in_reply_to=ticket.message_id,
            references=(ticket.message_id,) if ticket.message_id else (),
            calendar=invitation(ticket, context.desk, meeting, people, method, context.now),
            is_urgent=True,
        ),
    )
