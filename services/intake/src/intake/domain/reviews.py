"""Feedback, complaints and their review (INF-11 to INF-13).

A complaint is feedback too. Its stages: filed, review, concluded; and if the customer is still
dissatisfied: arbitration requested, arbitration, settled. Every step works on closed tickets.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid5

from intake.domain import relation_commands as do
from intake.domain.command_dispatch import apply, common, done
from intake.domain.ticket import Decision, Hand, Refusal, RefusalReason, Ticket
from intake.domain.ticket_parts import Feedback, Stage
from pledge.events import (
    ArbitrationRequested,
    ComplaintFiled,
    FeedbackAcknowledged,
    FeedbackReceived,
    ReviewConcluded,
    ReviewOpened,
    ReviewUpdated,
    TicketEvent,
)

MAX_FEEDBACK: Final = 50
"""So many pieces of feedback a ticket remembers, what nobody waits for being forgotten first."""
LONGEST_WAIT: Final = timedelta(days=92)
"""The next update of a review is promised at most this far ahead: later is no promise."""

_REVIEWED: Final = {Stage.FILED: Stage.REVIEW, Stage.ARBITRATION_REQUESTED: Stage.ARBITRATION}
_CONCLUDED: Final = {Stage.REVIEW: Stage.CONCLUDED, Stage.ARBITRATION: Stage.SETTLED}
REVIEW: Final = "review"
ARBITRATION: Final = "arbitration"


@apply.register
def _feedback(command: do.GiveFeedback, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    return given(ticket, command, hand)


def given(ticket: Ticket, command: do.GiveFeedback, hand: Hand) -> Decision:
    """The ticket with the feedback; a complaint is told as one, too. Reopens nothing."""
    by = command.by or ticket.requester
    feedback_id = command.feedback_id or uuid5(ticket.id, f"feedback {ticket.sequence}")
    facts = common(ticket, hand)
    events: list[TicketEvent] = [
        FeedbackReceived(
            **facts,
            feedback_id=feedback_id,
            by=by,
            channel=command.channel,
            rating=command.rating,
            text=command.text,
            needs_answer=command.needs_answer or command.is_complaint,
        )
    ]
    entry = Feedback(
        feedback_id, by, command.channel, hand.occurred_at,
        needs_answer=command.needs_answer or command.is_complaint,
    )  # fmt: skip
    if command.is_complaint:
        complaint_id = uuid5(feedback_id, "complaint")
        entry = replace(entry, complaint_id=complaint_id, stage=Stage.FILED)
        events.append(
            ComplaintFiled(
                **facts,
                complaint_id=complaint_id,
                by=by,
                channel=command.channel,
                text=command.text,
            )
        )
    kept = _room_for_one(ticket.feedback)
    return done(ticket, hand, "feedback_received", *events, feedback=(*kept, entry))


def _room_for_one(feedback: Sequence[Feedback]) -> tuple[Feedback, ...]:
    if len(feedback) < MAX_FEEDBACK:
        return tuple(feedback)
    gone = next((each for each in feedback if each.is_finished), feedback[0])
    return tuple(each for each in feedback if each is not gone)


@apply.register
def _acknowledge(command: do.AcknowledgeFeedback, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    waiting = [each for each in ticket.feedback if not each.is_acknowledged]
    found = _one(ticket, waiting, command.feedback_id, "feedback", "waits to be acknowledged")
    if isinstance(found, Refusal):
        return found
    channel = command.channel or found.channel
    if channel != found.channel:
        detail = (
            f"it came by {found.channel} and is acknowledged by {found.channel} (not {channel})"
        )
        return Refusal(RefusalReason.UNSUITABLE, detail, ticket.allowed)
    if hand.occurred_at < found.received_at:
        return _too_early(ticket, "the feedback", found)
    event = FeedbackAcknowledged(
        **common(ticket, hand),
        feedback_id=found.id,
        by=hand.by,
        channel=channel,
        to=found.by,
        text=command.text,
    )
    return _changed(ticket, hand, found, event, is_acknowledged=True)


@apply.register
def _open(command: do.OpenReview, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    found = _complaint(ticket, command.complaint_id, tuple(_REVIEWED), "waits for its review")
    if isinstance(found, Refusal):
        return found
    assert found.complaint_id is not None
    assert found.stage is not None
    if hand.occurred_at < found.received_at:
        return _too_early(ticket, "the complaint", found)
    is_review, care = found.stage is Stage.FILED, hand.desk.care
    event = ReviewOpened(
        **common(ticket, hand),
        complaint_id=found.complaint_id,
        stage=REVIEW if is_review else ARBITRATION,
        owner=care.review_owner if is_review else care.arbitration_owner,
        by=hand.by,
        to=found.by,
    )
    return _changed(ticket, hand, found, event, stage=_REVIEWED[found.stage])


@apply.register
def _update(command: do.UpdateReview, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    found = _complaint(ticket, command.complaint_id, tuple(_CONCLUDED), "is under review")
    if isinstance(found, Refusal):
        return found
    assert found.complaint_id is not None
    following = command.next_update_by
    if following is not None and not (
        hand.occurred_at < following <= hand.occurred_at + LONGEST_WAIT
    ):
        detail = f"next_update_by must lie ahead, within {LONGEST_WAIT.days} days"
        return Refusal(RefusalReason.UNSUITABLE, detail, ticket.allowed)
    event = ReviewUpdated(
        **common(ticket, hand),
        complaint_id=found.complaint_id,
        by=hand.by,
        text=command.text,
        next_update_by=following,
        to=found.by,
    )
    return _changed(ticket, hand, found, event)


@apply.register
def _conclude(command: do.ConcludeReview, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    found = _complaint(ticket, command.complaint_id, tuple(_CONCLUDED), "is under review")
    if isinstance(found, Refusal):
        return found
    assert found.complaint_id is not None
    assert found.stage is not None
    event = ReviewConcluded(
        **common(ticket, hand),
        complaint_id=found.complaint_id,
        stage=REVIEW if found.stage is Stage.REVIEW else ARBITRATION,
        by=hand.by,
        outcome=command.outcome,
        to=found.by,
    )
    return _changed(ticket, hand, found, event, stage=_CONCLUDED[found.stage])


@apply.register
def _arbitration(command: do.RequestArbitration, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    """Our reading: arbitration follows the outcome of a review, it does not overtake it."""
    found = _complaint(ticket, command.complaint_id, (Stage.CONCLUDED,), "had its review's outcome")
    if isinstance(found, Refusal):
        return found
    assert found.complaint_id is not None
    event = ArbitrationRequested(
        **common(ticket, hand), complaint_id=found.complaint_id, by=found.by, why=command.why
    )
    return _changed(ticket, hand, found, event, stage=Stage.ARBITRATION_REQUESTED)


def _complaint(
    ticket: Ticket, complaint_id: UUID | None, stages: tuple[Stage, ...], what: str
) -> Feedback | Refusal:
    found = [each for each in ticket.feedback if each.stage in stages]
    return _one(ticket, found, complaint_id, "complaint", what)


def _one(
    ticket: Ticket, found: Sequence[Feedback], wanted: UUID | None, noun: str, what: str
) -> Feedback | Refusal:
    """The one that is named; without a name the only one there is."""
    if wanted is not None:
        found = [each for each in found if wanted in {each.id, each.complaint_id}]
    if len(found) == 1:
        return found[0]
    if not found:
        detail = f"no {noun} {'of this id ' if wanted else ''}{what}"
        return Refusal(RefusalReason.NOTHING_TO_CHANGE, detail, ticket.allowed)
    ids = ", ".join(str(each.complaint_id if noun == "complaint" else each.id) for each in found)
    detail = f"{len(found)} of them {what}; name one by its {noun}_id: {ids}"
    return Refusal(RefusalReason.CONFLICT, detail, ticket.allowed)


def _too_early(ticket: Ticket, what: str, found: Feedback) -> Refusal:
    detail = f"occurred_at lies before {what} came at {found.received_at.isoformat()}"
    return Refusal(RefusalReason.BEFORE_OPENING, detail, ticket.allowed)


def _changed(
    ticket: Ticket,
    hand: Hand,
    found: Feedback,
    event: TicketEvent,
    *,
    is_acknowledged: bool | None = None,
    stage: Stage | None = None,
) -> Decision:
    entry = replace(
        found,
        is_acknowledged=found.is_acknowledged if is_acknowledged is None else is_acknowledged,
        stage=stage or found.stage,
    )
    feedback = tuple(entry if each is found else each for each in ticket.feedback)
    reason = event.type.split(".")[2]
    return done(ticket, hand, reason, event, feedback=feedback)
