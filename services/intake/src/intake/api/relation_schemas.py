"""What agents send about other tickets, feedback, reviews and meetings."""

from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from intake.api.schemas import BODIES as TICKET_BODIES
from intake.api.schemas import Requester, Told
from intake.domain import relation_commands as case
from intake.domain.command_handlers import MAX_PARTICIPANTS
from intake.domain.commands import Action
from intake.domain.text import one_line, storable
from intake.domain.ticket_relations import ForClient
from pledge.events import EXCERPT_LENGTH, LINE_LENGTH, Contact, Instant

_Text = Annotated[str, StringConstraints(min_length=1, max_length=EXCERPT_LENGTH)]
_Words = Annotated[str, StringConstraints(max_length=EXCERPT_LENGTH)]
_Line = Annotated[str, StringConstraints(max_length=LINE_LENGTH)]
_Name = Annotated[str, StringConstraints(min_length=1, max_length=100)]
_Subject = Annotated[str, StringConstraints(min_length=1, max_length=300)]
Channel: TypeAlias = Literal["email", "chat", "phone", "portal"]


class MergeBody(Told):
    """Merge this ticket into another one of the desk, by number or id; gives that one."""

    into: _Name

    def command(self) -> case.Merge:
        """The command for the domain."""
        return case.Merge(self.into)


class SplitBody(Told):
    """Give an issue of this ticket a ticket of its own (SIG-09); gives the new one. `reported_at`:
    when the issue was reported, from which its promises count; by default with the original."""

    subject: _Subject
    text: _Words = ""
    severity: _Name | None = None
    priority: _Name | None = None
    product: _Line | None = None
    reported_at: Instant | None = None
    why: _Line = ""

    def command(self) -> case.Split:
        """The command for the domain."""
        return case.Split(
            one_line(self.subject, 300),
            storable(self.text),
            self.severity,
            self.priority,
            _clean(self.product),
            self.reported_at,
            storable(self.why),
        )


class FollowUpBody(Told):
    """Open a ticket that follows this one up and links back, at any age (SIG-08); gives it."""

    subject: _Subject
    text: _Words = ""
    severity: _Name | None = None
    priority: _Name | None = None
    product: _Line | None = None

    def command(self) -> case.FollowUp:
        """The command for the domain."""
        return case.FollowUp(
            one_line(self.subject, 300),
            storable(self.text),
            self.severity,
            self.priority,
            _clean(self.product),
        )


class ForClientBody(BaseModel):
    """A ticket opened on a client's behalf (SIG-09). `occurred_at` is when the client asked."""

    model_config = ConfigDict(extra="forbid")

    desk: str = Field(max_length=63)
    subject: _Subject
    text: _Words = ""
    requester: Requester
    participants: Annotated[tuple[Requester, ...], Field(max_length=MAX_PARTICIPANTS)] = ()
    channel: Literal["email", "chat", "phone", "portal", "agent"] = "agent"
    severity: _Name | None = None
    priority: _Name | None = None
    plan: _Name | None = None
    product: _Line | None = None
    customer: _Line | None = None
    occurred_at: Instant | None = None

    def client(self) -> ForClient:
        """What the domain opens a ticket from."""
        return ForClient(
            requester=contact_of(self.requester),
            subject_line=one_line(self.subject, 300),
            text=storable(self.text),
            channel=self.channel,
            participants=tuple(contact_of(each) for each in self.participants),
            severity=self.severity,
            priority=self.priority,
            plan=self.plan,
            product=_clean(self.product),
            customer=_clean(self.customer),
        )


class FeedbackBody(Told):
    """Feedback or a complaint that reached an agent (INF-11, INF-12); from the requester unless
    `by` says otherwise."""

    text: _Words = ""
    rating: int | None = Field(default=None, ge=1, le=5)
    channel: Channel = "phone"
    is_complaint: bool = False
    by: Requester | None = None

    def command(self) -> case.GiveFeedback:
        """The command for the domain."""
        by = contact_of(self.by) if self.by else None
        return case.GiveFeedback(
            self.channel, storable(self.text), self.rating, self.is_complaint, by=by
        )


class AcknowledgeFeedbackBody(Told):
    """An answer to feedback, by the channel it came by (INF-11)."""

    text: _Words = ""
    feedback_id: UUID | None = None
    channel: Channel | None = None

    def command(self) -> case.AcknowledgeFeedback:
        """The command for the domain."""
        return case.AcknowledgeFeedback(self.feedback_id, storable(self.text), self.channel)


class OpenReviewBody(Told):
    """The review of a complaint begins, or its arbitration (INF-12, INF-13)."""

    complaint_id: UUID | None = None

    def command(self) -> case.OpenReview:
        """The command for the domain."""
        return case.OpenReview(self.complaint_id)


class UpdateReviewBody(Told):
    """How the review stands, for the customer, and by when they hear again (INF-12)."""

    text: _Text
    next_update_by: Instant | None = None
    complaint_id: UUID | None = None

    def command(self) -> case.UpdateReview:
        """The command for the domain."""
        return case.UpdateReview(storable(self.text), self.next_update_by, self.complaint_id)


class ConcludeReviewBody(Told):
    """The outcome of a review or an arbitration, for the customer (INF-13)."""

    outcome: _Text
    complaint_id: UUID | None = None

    def command(self) -> case.ConcludeReview:
        """The command for the domain."""
        return case.ConcludeReview(storable(self.outcome), self.complaint_id)


class RequestArbitrationBody(Told):
    """The customer is still dissatisfied after the outcome (INF-13)."""

    why: _Line = ""
    complaint_id: UUID | None = None

    def command(self) -> case.RequestArbitration:
        """The command for the domain."""
        return case.RequestArbitration(storable(self.why), self.complaint_id)


class ProposeMeetingBody(Told):
    """A meeting or live session proposed to the requester (SIG-07). `place`: a link or a place."""

    starts_at: Instant
    ends_at: Instant
    place: Annotated[str, StringConstraints(max_length=500)] = ""

    def command(self) -> case.ProposeMeeting:
        """The command for the domain."""
        return case.ProposeMeeting(
            self.starts_at,
            self.ends_at,
            one_line(self.place, 500),
        )


class AgreeMeetingBody(Told):
    """The requester agreed, in a call or a mail: the invitation goes out."""

    meeting_id: UUID | None = None

    def command(self) -> case.AgreeMeeting:
        """The command for the domain."""
        return case.AgreeMeeting(self.meeting_id)


class HoldMeetingBody(Told):
    """The meeting is over."""

    note: _Words = ""
    meeting_id: UUID | None = None

    def command(self) -> case.HoldMeeting:
        """The command for the domain."""
        return case.HoldMeeting(storable(self.note), self.meeting_id)


class CancelMeetingBody(Told):
    """The meeting will not be."""

    why: _Line = ""
    meeting_id: UUID | None = None

    def command(self) -> case.CancelMeeting:
        """The command for the domain."""
        return case.CancelMeeting(storable(self.why), self.meeting_id)


def contact_of(person: Requester) -> Contact:
    """The person as events carry them."""
    clean = {name: storable(value) for name, value in person if value is not None}
    return Contact(**{**clean, "email": (clean.get("email") or "").lower() or None})


def _clean(text: str | None) -> str | None:
    return storable(text) if text else None


BODIES: dict[Action, type[Told]] = {
    **TICKET_BODIES,
    Action.MERGE: MergeBody,
    Action.SPLIT: SplitBody,
    Action.FOLLOW_UP: FollowUpBody,
    Action.FEEDBACK: FeedbackBody,
    Action.ACKNOWLEDGE_FEEDBACK: AcknowledgeFeedbackBody,
    Action.OPEN_REVIEW: OpenReviewBody,
    Action.UPDATE_REVIEW: UpdateReviewBody,
    Action.CONCLUDE_REVIEW: ConcludeReviewBody,
    Action.REQUEST_ARBITRATION: RequestArbitrationBody,
    Action.PROPOSE_MEETING: ProposeMeetingBody,
    Action.AGREE_MEETING: AgreeMeetingBody,
    Action.HOLD_MEETING: HoldMeetingBody,
    Action.CANCEL_MEETING: CancelMeetingBody,
}
"""What is sent with each action of an agent."""
