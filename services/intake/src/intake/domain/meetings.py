"""Meetings and live sessions (SIG-07): proposed, agreed and sent as an invitation, held or not.

At most one meeting of a ticket is agreed at a time: what waits for it goes on when it is over.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid5

from intake.domain import relation_commands as do
from intake.domain.command_dispatch import apply, common, done
from intake.domain.invitation import Method, invitation
from intake.domain.ticket import Decision, Hand, Refusal, RefusalReason, Ticket
from intake.domain.ticket_parts import Meeting, MeetingState
from pledge.events import (
    EmailRequested,
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
"""So many a ticket remembers; those that are over are forgotten first."""
_OVER: Final = {MeetingState.HELD, MeetingState.CANCELLED}


@apply.register
def _propose(command: do.ProposeMeeting, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    detail = None
    proposed = [each for each in ticket.meetings if each.state is MeetingState.PROPOSED]
    if not hand.occurred_at < command.starts_at <= hand.occurred_at + FURTHEST:
        detail = f"starts_at must lie ahead, within {FURTHEST.days} days"
    elif not timedelta() < command.ends_at - command.starts_at <= LONGEST:
        detail = f"ends_at must come after starts_at, by {LONGEST.seconds // 3600} hours at most"
    elif len(proposed) >= MAX_OPEN:
        detail = f"{MAX_OPEN} meetings are proposed already; cancel one of them"
    if detail is not None:
        return Refusal(RefusalReason.UNSUITABLE, detail, ticket.allowed)
    meeting = Meeting(
        # Derived, so that the same proposal is the same meeting whoever computes it.
        uuid5(ticket.id, f"meeting {ticket.sequence}"),
        command.starts_at,
        command.ends_at,
        command.place,
    )
    event = MeetingProposed(
        **common(ticket, hand),
        meeting_id=meeting.id,
        starts_at=meeting.starts_at,
        ends_at=meeting.ends_at,
        place=meeting.place,
        by=hand.by,
        answer_url=hand.links.url(ticket.desk, ticket.id, meeting.id) if hand.links else None,
    )
    kept = _room_for_one(ticket.meetings)
    return done(ticket, hand, "meeting_proposed", event, meetings=(*kept, meeting))


def _room_for_one(meetings: Sequence[Meeting]) -> tuple[Meeting, ...]:
    if len(meetings) < MAX_KEPT:
        return tuple(meetings)
    gone = next((each for each in meetings if each.state in _OVER), meetings[0])
    return tuple(each for each in meetings if each is not gone)


@apply.register
def _agree(command: do.AgreeMeeting, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    """Mutual agreement: an agent proposed, the requester accepted, or an agent logs it for them."""
    found = _one(ticket, command.meeting_id, {MeetingState.PROPOSED}, "is proposed")
    if isinstance(found, Refusal):
        return found
    if any(each.state is MeetingState.AGREED for each in ticket.meetings):
        detail = "a meeting is agreed already; hold or cancel it first"
        return Refusal(RefusalReason.CONFLICT, detail, ticket.allowed)
    if found.ends_at <= hand.occurred_at:
        detail = "the time proposed is over; propose another one"
        return Refusal(RefusalReason.CONFLICT, detail, ticket.allowed)
    agreed = MeetingAgreed(
        **common(ticket, hand),
        meeting_id=found.id,
        starts_at=found.starts_at,
        ends_at=found.ends_at,
        place=found.place,
        by=hand.by,
    )
    events = (agreed, *_letter(ticket, hand, found, Method.REQUEST))
    return _changed(ticket, hand, found, MeetingState.AGREED, *events)


@apply.register
def _hold(command: do.HoldMeeting, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    found = _one(ticket, command.meeting_id, {MeetingState.AGREED}, "is agreed")
    if isinstance(found, Refusal):
        return found
    event = MeetingHeld(**common(ticket, hand), meeting_id=found.id, by=hand.by, note=command.note)
    return _changed(ticket, hand, found, MeetingState.HELD, event)


@apply.register
def _cancel(command: do.CancelMeeting, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    """A proposal is declined or withdrawn, or an agreed meeting called off, which goes out too."""
    states = {MeetingState.PROPOSED, MeetingState.AGREED}
    found = _one(ticket, command.meeting_id, states, "is proposed or agreed")
    if isinstance(found, Refusal):
        return found
    cancelled = MeetingCancelled(
        **common(ticket, hand), meeting_id=found.id, by=hand.by, why=command.why
    )
    was_agreed = found.state is MeetingState.AGREED
    letters = _letter(ticket, hand, found, Method.CANCEL) if was_agreed else ()
    return _changed(ticket, hand, found, MeetingState.CANCELLED, cancelled, *letters)


def _one(
    ticket: Ticket, wanted: UUID | None, states: set[MeetingState], what: str
) -> Meeting | Refusal:
    """The one that is named; without a name the only one there is."""
    found = [each for each in ticket.meetings if each.state in states and wanted in {None, each.id}]
    if len(found) == 1:
        return found[0]
    if not found:
        detail = f"no meeting {'of this id ' if wanted else ''}{what}"
        return Refusal(RefusalReason.NOTHING_TO_CHANGE, detail, ticket.allowed)
    ids = ", ".join(str(each.id) for each in found)
    detail = f"{len(found)} meetings: {what}; name one by its meeting_id: {ids}"
    return Refusal(RefusalReason.CONFLICT, detail, ticket.allowed)


def _changed(
    ticket: Ticket, hand: Hand, found: Meeting, state: MeetingState, *events: TicketEvent
) -> Decision:
    meetings = tuple(
        replace(each, state=state) if each is found else each for each in ticket.meetings
    )
    return done(ticket, hand, f"meeting_{state}", *events, meetings=meetings)


def _letter(
    ticket: Ticket, hand: Hand, meeting: Meeting, method: Method
) -> tuple[EmailRequested, ...]:
    """The invitation, or its withdrawal, to everybody of the ticket who has an address."""
    people = [each for each in (ticket.requester, *ticket.participants) if each.email]
    if not people:
        return ()
    is_request = method is Method.REQUEST
    return (
        EmailRequested(
            **common(ticket, hand),
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
            calendar=invitation(ticket, hand.desk, meeting, people, method, hand.now),
            is_urgent=True,
        ),
    )
