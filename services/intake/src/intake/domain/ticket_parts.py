"""A ticket's links to other tickets, feedback about it, its meetings and its milestones."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pledge.events import Actor, Contact


class LinkKind(StrEnum):
    """How another ticket stands to this one."""

    MERGED_INTO = "merged_into"
    MERGED_FROM = "merged_from"
    SPLIT_INTO = "split_into"
    SPLIT_FROM = "split_from"
    FOLLOWED_BY = "followed_by"
    FOLLOWS_UP = "follows_up"
    SPEAKS_OF = "speaks_of"


@dataclass(frozen=True, slots=True)
class Link:
    """Another ticket of the same desk that is linked to this one."""

    kind: LinkKind
    ticket_id: UUID
    number: str


class Stage(StrEnum):
    """How far a complaint has come (INF-12, INF-13)."""

    FILED = "filed"
    REVIEW = "review"
    CONCLUDED = "concluded"
    ARBITRATION_REQUESTED = "arbitration_requested"
    ARBITRATION = "arbitration"
    SETTLED = "settled"


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody said about the desk's work. A complaint has a ``complaint_id`` and a stage."""

    id: UUID
    by: Contact
    channel: str
    received_at: datetime
    needs_answer: bool = True
    is_acknowledged: bool = False
    complaint_id: UUID | None = None
    stage: Stage | None = None

    @property
    def is_finished(self) -> bool:
        """Whether it is answered and its review over: it may be dropped first."""
        is_answered = self.is_acknowledged or not self.needs_answer
        return is_answered and self.stage in {None, Stage.CONCLUDED, Stage.SETTLED}


class MeetingState(StrEnum):
    """How far a meeting has come (SIG-07)."""

    PROPOSED = "proposed"
    AGREED = "agreed"
    HELD = "held"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting or live session. Times are UTC."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    place: str = ""
    state: MeetingState = MeetingState.PROPOSED


@dataclass(frozen=True, slots=True)
class Milestone:
    """A milestone of the desk's own that the ticket has reached."""

    name: str
    title: str
    reached_at: datetime
    by: Actor


@dataclass(frozen=True, slots=True)
class AgreedDue:
    """By when a promise is to be kept, as an agent agreed with the customer."""

    metric: str
    title: str
    due_at: datetime
    by: Actor
    why: str


@dataclass(frozen=True, slots=True)
class CareRules:
    """Who owns the steps of a complaint, by role, and which forms are feedback or complaints."""

    review_owner: str = "management"
    arbitration_owner: str = "management"
    feedback_forms: frozenset[str] = frozenset(("feedback",))
    complaint_forms: frozenset[str] = frozenset(("complaint",))
    low_rating: int = 3
    rating_template: str | None = None
