"""Ticket events about feedback, complaints and their review (INF-10 to INF-13)."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from pledge.events.event import Event
from pledge.events.ticket import TicketEvent
from pledge.events.values import Actor, Contact, Excerpt, Instant, Line


class RatingRequested(TicketEvent):
    """The requester of a closed ticket was asked for a rating (INF-10)."""

    type: Literal["pledge.ticket.rating_requested.v1"] = "pledge.ticket.rating_requested.v1"
    to: Contact


class FeedbackReceived(TicketEvent):
    """The requester rated the ticket or said something about it."""

    type: Literal["pledge.ticket.feedback_received.v1"] = "pledge.ticket.feedback_received.v1"
    feedback_id: UUID
    by: Contact
    channel: str = Field(description="Open set: email, chat, phone, portal.")
    rating: int | None = Field(default=None, ge=1, le=5, description="1 worst, 5 best.")
    text: Excerpt = ""
    needs_answer: bool = Field(default=True, description="Opens the feedback process (INF-10).")


class FeedbackAcknowledged(TicketEvent):
    """Feedback was acknowledged, by the channel it came by (INF-11)."""

    type: Literal["pledge.ticket.feedback_acknowledged.v1"] = (
        "pledge.ticket.feedback_acknowledged.v1"
    )
    feedback_id: UUID
    by: Actor
    channel: str
    to: Contact | None = Field(default=None, description="Who gave the feedback.")
    text: Excerpt = Field(default="", description="The answer, in the agent's own words.")


class ComplaintFiled(TicketEvent):
    """The requester complains (INF-12)."""

    type: Literal["pledge.ticket.complaint_filed.v1"] = "pledge.ticket.complaint_filed.v1"
    complaint_id: UUID
    by: Contact
    channel: str
    text: Excerpt = ""


class ReviewOpened(TicketEvent):
    """A complaint's review began, or its arbitration (INF-12, INF-13)."""

    type: Literal["pledge.ticket.review_opened.v1"] = "pledge.ticket.review_opened.v1"
    complaint_id: UUID
    stage: str = Field(description="Open set: review, arbitration.")
    owner: str = Field(description="Role that owns the step, as the desk's file names it.")
    by: Actor
    to: Contact | None = Field(default=None, description="Who complained.")


class ReviewUpdated(TicketEvent):
    """The customer was informed of the review's state and of the next update's date (INF-12)."""

    type: Literal["pledge.ticket.review_updated.v1"] = "pledge.ticket.review_updated.v1"
    complaint_id: UUID
    by: Actor
    text: Excerpt = ""
    next_update_by: Instant | None = Field(default=None, description="Promised; timed too.")
    to: Contact | None = Field(default=None, description="Who complained, and is notified.")


class ReviewConcluded(TicketEvent):
    """The customer was informed of the outcome of a review or arbitration (INF-13)."""

    type: Literal["pledge.ticket.review_concluded.v1"] = "pledge.ticket.review_concluded.v1"
    complaint_id: UUID
    stage: str
    by: Actor
    outcome: Excerpt = ""
    to: Contact | None = Field(default=None, description="Who complained, and is notified.")


class ArbitrationRequested(TicketEvent):
    """The customer is still dissatisfied after a review (INF-13)."""

    type: Literal["pledge.ticket.arbitration_requested.v1"] = (
        "pledge.ticket.arbitration_requested.v1"
    )
    complaint_id: UUID
    by: Contact
    why: Line = ""


EVENTS: tuple[type[Event], ...] = (
    RatingRequested,
    FeedbackReceived,
    FeedbackAcknowledged,
    ComplaintFiled,
    ReviewOpened,
    ReviewUpdated,
    ReviewConcluded,
    ArbitrationRequested,
)
