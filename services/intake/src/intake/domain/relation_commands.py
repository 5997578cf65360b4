"""What is asked of a ticket about other tickets, feedback, reviews and meetings."""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from intake.domain.commands import Action, Command
from pledge.events import Contact

# ---- between tickets: each of these is told on both ----


@dataclass(frozen=True, slots=True)
class Merge(Command):
    """The ticket's story goes on in another one; ``into`` is its id or number."""

    action: ClassVar[Action] = Action.MERGE
    into: str


@dataclass(frozen=True, slots=True)
class Split(Command):
    """A further issue of the ticket gets a ticket of its own (SIG-09). What is left out is as in
    the original; ``reported_at`` is when the issue was reported, from which its promises count."""

    action: ClassVar[Action] = Action.SPLIT
    subject_line: str
    text: str = ""
    severity: str | None = None
    priority: str | None = None
    product: str | None = None
    reported_at: datetime | None = None
    why: str = ""


@dataclass(frozen=True, slots=True)
class FollowUp(Command):
    """A new ticket that links back to this one, at any age (SIG-08)."""

    action: ClassVar[Action] = Action.FOLLOW_UP
    subject_line: str
    text: str = ""
    severity: str | None = None
    priority: str | None = None
    product: str | None = None


# ---- feedback, complaints, reviews (INF-11 to INF-13) ----


@dataclass(frozen=True, slots=True)
class GiveFeedback(Command):
    """Somebody praised, rated or complained. ``by`` None: the requester. ``feedback_id`` is given
    by what it was delivered with, so that the same told again has the same id."""

    action: ClassVar[Action] = Action.FEEDBACK
    channel: str
    text: str = ""
    rating: int | None = None
    is_complaint: bool = False
    needs_answer: bool = True
    by: Contact | None = None
    feedback_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class AcknowledgeFeedback(Command):
    """Answer feedback, by the channel it came by (INF-11). None: the only one unanswered."""

    action: ClassVar[Action] = Action.ACKNOWLEDGE_FEEDBACK
    feedback_id: UUID | None = None
    text: str = ""
    channel: str | None = None


@dataclass(frozen=True, slots=True)
class OpenReview(Command):
    """Begin the review of a complaint, or its arbitration. None: the only one that waits."""

    action: ClassVar[Action] = Action.OPEN_REVIEW
    complaint_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class UpdateReview(Command):
    """Tell the customer how the review stands, and by when they hear again (INF-12)."""

    action: ClassVar[Action] = Action.UPDATE_REVIEW
    text: str
    next_update_by: datetime | None = None
    complaint_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ConcludeReview(Command):
    """Tell the customer the outcome of a review or an arbitration (INF-13)."""

    action: ClassVar[Action] = Action.CONCLUDE_REVIEW
    outcome: str
    complaint_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class RequestArbitration(Command):
    """The customer is still dissatisfied after the review (INF-13)."""

    action: ClassVar[Action] = Action.REQUEST_ARBITRATION
    why: str = ""
    complaint_id: UUID | None = None


# ---- meetings (SIG-07) ----


@dataclass(frozen=True, slots=True)
class ProposeMeeting(Command):
    """Propose a meeting or live session."""

    action: ClassVar[Action] = Action.PROPOSE_MEETING
    starts_at: datetime
    ends_at: datetime
    place: str = ""


@dataclass(frozen=True, slots=True)
class AgreeMeeting(Command):
    """Both sides agreed. None: the only meeting proposed."""

    action: ClassVar[Action] = Action.AGREE_MEETING
    meeting_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class HoldMeeting(Command):
    """The meeting is over. None: the one agreed."""

    action: ClassVar[Action] = Action.HOLD_MEETING
    note: str = ""
    meeting_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class CancelMeeting(Command):
    """The meeting will not be. None: the only one proposed or agreed."""

    action: ClassVar[Action] = Action.CANCEL_MEETING
    why: str = ""
    meeting_id: UUID | None = None
