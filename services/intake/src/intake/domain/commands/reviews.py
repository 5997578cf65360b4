"""Feedback, complaints and their review (INF-11 to INF-13).

A complaint is feedback too. Its stages: filed, review, concluded; and if the customer is still
dissatisfied: arbitration requested, arbitration, settled. Every step works on closed tickets.
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Annotated, Final
from uuid import UUID, uuid5

from pydantic import Field

from intake.domain.command_fields import INTERNAL, Channel, Line, LongText, Text
from intake.domain.command_registry import ANY_STATE, Command, command
from intake.domain.commands.parts_of_ticket import room_for_one, the_one
from intake.domain.desk import Desk
from intake.domain.history_words import step
from intake.domain.ticket import (
    CommandContext,
    Decision,
    Refusal,
    RefusalReason,
    Ticket,
    done,
    fact_fields,
)
from intake.domain.ticket_parts import Feedback, Stage
from pledge.events import (
    ArbitrationRequested,
    ComplaintFiled,
    Contact,
    FeedbackAcknowledged,
    FeedbackReceived,
    Instant,
    ReviewConcluded,
    ReviewOpened,
    ReviewUpdated,
    TicketEvent,
)

MAX_FEEDBACK: Final = 50
"""A ticket keeps so many pieces of feedback; finished ones are dropped first."""
LONGEST_WAIT: Final = timedelta(days=92)
"""The next update of a review is promised at most this far ahead: later is no promise."""

_REVIEWED: Final = {Stage.FILED: Stage.REVIEW, Stage.ARBITRATION_REQUESTED: Stage.ARBITRATION}
_CONCLUDED: Final = {Stage.REVIEW: Stage.CONCLUDED, Stage.ARBITRATION: Stage.SETTLED}
REVIEW: Final = "review"
ARBITRATION: Final = "arbitration"


@command(
    "feedback",
    states=ANY_STATE,
    history={
        "feedback_received": step("Feedback was given"),
        "complaint_filed": step("A complaint, to be reviewed", ""),
    },
)
@dataclass(frozen=True, slots=True)
class GiveFeedback(Command):
    """Feedback or a complaint that reached an agent (INF-11, INF-12); from the requester unless
    `by` says otherwise."""

    text: LongText = ""
    rating: Annotated[int, Field(ge=1, le=5)] | None = None
    channel: Channel = "phone"
    is_complaint: bool = False
    by: Contact | None = None
    needs_answer: bool = field(default=True, metadata=INTERNAL)
    # Given by the delivery, so that a repeated delivery has the same id.
    feedback_id: UUID | None = field(default=None, metadata=INTERNAL)

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Add the feedback."""
        return record_feedback(ticket, self, context)


def record_feedback(ticket: Ticket, command: GiveFeedback, context: CommandContext) -> Decision:
    """The ticket with the feedback; a complaint is filed too. Reopens nothing."""
    by = command.by or ticket.requester
    feedback_id = command.feedback_id or uuid5(ticket.id, f"feedback {ticket.sequence}")
    facts = fact_fields(ticket, context)
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
        feedback_id, by, command.channel, context.occurred_at,
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
    kept = room_for_one(ticket.feedback, MAX_FEEDBACK, lambda each: each.is_finished)
    return done(ticket, context, "feedback_received", *events, feedback=(*kept, entry))


def delivered_feedback(
    key: bytes,
    channel: Channel,
    by: Contact,
    text: str,
    *,
    desk: Desk,
    is_complaint: bool,
    rating: int | None = None,
) -> GiveFeedback:
    """The feedback that the delivery of this key gives; delivered again it has the same id."""
    return GiveFeedback(
        channel=channel,
        text=text,
        rating=rating,
        is_complaint=is_complaint,
        # Our reading: a good rating without a word is thanks; nobody waits for an answer to it.
        needs_answer=rating is None or bool(text.strip()) or rating <= desk.care.low_rating,
        by=by,
        feedback_id=uuid5(UUID(bytes=key), "feedback"),
    )


@command(
    "acknowledge-feedback",
    states=ANY_STATE,
    applies_to=lambda ticket: any(not each.is_acknowledged for each in ticket.feedback),
    history={"feedback_acknowledged": step("Feedback was answered")},
)
@dataclass(frozen=True, slots=True)
class AcknowledgeFeedback(Command):
    """An answer to feedback, by the channel it came by (INF-11)."""

    text: LongText = ""
    feedback_id: UUID | None = None
    channel: Channel | None = None

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        waiting = [each for each in ticket.feedback if not each.is_acknowledged]
        found = the_one(
            ticket, waiting, self.feedback_id, lambda each: (each.id, each.complaint_id),
            noun="feedback", what="waits to be acknowledged",
            several="of them waits to be acknowledged",
        )  # fmt: skip
        if isinstance(found, Refusal):
            return found
        channel = self.channel or found.channel
        if channel != found.channel:
            detail = (
                f"it came by {found.channel} and is acknowledged by {found.channel} (not {channel})"
            )
            return Refusal(RefusalReason.UNSUITABLE, detail, ticket.allowed)
        if context.occurred_at < found.received_at:
            return _too_early(ticket, "the feedback", found)
        event = FeedbackAcknowledged(
            **fact_fields(ticket, context),
            feedback_id=found.id,
            by=context.by,
            channel=channel,
            to=found.by,
            text=self.text,
        )
        return _changed(ticket, context, found, event, is_acknowledged=True)


@command(
    "open-review",
    states=ANY_STATE,
    applies_to=lambda ticket: _has_complaint(ticket, _REVIEWED),
    history={"review_opened": step("The {stage} of the complaint began")},
)
@dataclass(frozen=True, slots=True)
class OpenReview(Command):
    """The review of a complaint begins, or its arbitration (INF-12, INF-13)."""

    complaint_id: UUID | None = None

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        found = _complaint(ticket, self.complaint_id, tuple(_REVIEWED), "waits for its review")
        if isinstance(found, Refusal):
            return found
        assert found.complaint_id is not None
        assert found.stage is not None
        if context.occurred_at < found.received_at:
            return _too_early(ticket, "the complaint", found)
        is_review, care = found.stage is Stage.FILED, context.desk.care
        event = ReviewOpened(
            **fact_fields(ticket, context),
            complaint_id=found.complaint_id,
            stage=REVIEW if is_review else ARBITRATION,
            owner=care.review_owner if is_review else care.arbitration_owner,
            by=context.by,
            to=found.by,
        )
        return _changed(ticket, context, found, event, stage=_REVIEWED[found.stage])


@command(
    "update-review",
    states=ANY_STATE,
    applies_to=lambda ticket: _has_complaint(ticket, _CONCLUDED),
    history={"review_updated": step("How the review stands")},
)
@dataclass(frozen=True, slots=True)
class UpdateReview(Command):
    """How the review stands, for the customer, and by when they hear again (INF-12)."""

    text: Text
    next_update_by: Instant | None = None
    complaint_id: UUID | None = None

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        found = _complaint(ticket, self.complaint_id, tuple(_CONCLUDED), "is under review")
        if isinstance(found, Refusal):
            return found
        assert found.complaint_id is not None
        following = self.next_update_by
        if following is not None and not (
            context.occurred_at < following <= context.occurred_at + LONGEST_WAIT
        ):
            detail = f"next_update_by must lie ahead, within {LONGEST_WAIT.days} days"
            return Refusal(RefusalReason.UNSUITABLE, detail, ticket.allowed)
        event = ReviewUpdated(
            **fact_fields(ticket, context),
            complaint_id=found.complaint_id,
            by=context.by,
            text=self.text,
            next_update_by=following,
            to=found.by,
        )
        return _changed(ticket, context, found, event)


@command(
    "conclude-review",
    states=ANY_STATE,
    applies_to=lambda ticket: _has_complaint(ticket, _CONCLUDED),
    history={"review_concluded": step("Outcome of the {stage}", "outcome")},
)
@dataclass(frozen=True, slots=True)
class ConcludeReview(Command):
    """The outcome of a review or an arbitration, for the customer (INF-13)."""

    outcome: Text
    complaint_id: UUID | None = None

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        found = _complaint(ticket, self.complaint_id, tuple(_CONCLUDED), "is under review")
        if isinstance(found, Refusal):
            return found
        assert found.complaint_id is not None
        assert found.stage is not None
        event = ReviewConcluded(
            **fact_fields(ticket, context),
            complaint_id=found.complaint_id,
            stage=REVIEW if found.stage is Stage.REVIEW else ARBITRATION,
            by=context.by,
            outcome=self.outcome,
            to=found.by,
        )
        return _changed(ticket, context, found, event, stage=_CONCLUDED[found.stage])


@command(
    "request-arbitration",
    states=ANY_STATE,
    applies_to=lambda ticket: _has_complaint(ticket, (Stage.CONCLUDED,)),
    history={"arbitration_requested": step("Arbitration was asked for", "")},
)
@dataclass(frozen=True, slots=True)
class RequestArbitration(Command):
    """The customer is still dissatisfied after the outcome (INF-13)."""

    why: Line = ""
    complaint_id: UUID | None = None

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Our reading: arbitration follows the outcome of a review, it does not overtake it."""
        found = _complaint(
            ticket, self.complaint_id, (Stage.CONCLUDED,), "had its review's outcome"
        )
        if isinstance(found, Refusal):
            return found
        assert found.complaint_id is not None
        event = ArbitrationRequested(
            **fact_fields(ticket, context),
            complaint_id=found.complaint_id,
            by=found.by,
            why=self.why,
        )
        return _changed(ticket, context, found, event, stage=Stage.ARBITRATION_REQUESTED)


def _has_complaint(ticket: Ticket, stages: Collection[Stage]) -> bool:
    return any(each.stage in stages for each in ticket.feedback)


def _complaint(
    ticket: Ticket, complaint_id: UUID | None, stages: tuple[Stage, ...], what: str
) -> Feedback | Refusal:
    found = [each for each in ticket.feedback if each.stage in stages]
    return the_one(
        ticket, found, complaint_id, lambda each: (each.complaint_id, each.id),
        noun="complaint", what=what, several=f"of them {what}",
    )  # fmt: skip


def _too_early(ticket: Ticket, what: str, found: Feedback) -> Refusal:
    detail = f"occurred_at lies before {what} came at {found.received_at.isoformat()}"
    return Refusal(RefusalReason.BEFORE_OPENING, detail, ticket.allowed)


def _changed(
    ticket: Ticket,
    context: CommandContext,
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
    return done(ticket, context, reason, event, feedback=feedback)
