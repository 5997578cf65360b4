"""What the SLA engine publishes: timers of promises, silences, and breaches.

A promise is made on a ticket, or, for `public_update`, on an incident of the status page. Exactly
one of `ticket_id` and `incident_id` is set, and it is the subject.
"""

from datetime import timedelta
from typing import Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import AliasChoices, Field, model_validator

from pledge.events.event import Event, former_name
from pledge.events.topics import Topic
from pledge.events.values import Contact, Instant, Line


class PromiseEvent(Event):
    """What all events about one promise have."""

    ticket_id: UUID | None = Field(default=None, description="None for an incident's promise.")
    incident_id: UUID | None = Field(default=None, description="None for a ticket's promise.")
    severity: str | None = None
    priority: str | None = None
    metric: str = Field(description="Open set: first_response, resolution, public_update, …")
    cycle: int = Field(default=1, ge=1, description="Counts repeats of a metric on one subject.")
    target: Line = Field(description="The promise in words: `30 minutes, round the clock`.")
    due_at: Instant | None = Field(
        default=None, description="The instant promised; None while paused, or with no promise."
    )
    policy_version: str = Field(description="Version of the desk's policy that was applied.")
    agreed_by: Line | None = Field(
        default=None, description="Who agreed `due_at` with the customer; None: the file says it."
    )
    agreed_why: Line | None = Field(default=None, description="Why they did.")
    team: str | None = Field(default=None, description="Whose promise it is, if one team's.")

    @model_validator(mode="after")
    def _is_about_one_thing(self) -> Self:
        if (self.ticket_id is None) == (self.incident_id is None):
            raise ValueError("a promise is made on either a ticket or an incident")
        return self

    def subject(self) -> str:
        """The ticket's id, or the incident's."""
        return str(self.ticket_id or self.incident_id)


class TimerEvent(PromiseEvent):
    """What all events of one timer have. The newest of (subject, metric, cycle) has its state."""

    TOPIC: ClassVar[Topic] = Topic.SLA_EVENTS
    ticket_number: str = Field(
        validation_alias=AliasChoices("ticket_number", "number"),
        description="The ticket's number, or the incident's title.",
    )
    number: ClassVar[Any] = former_name("ticket_number")
    expect_at: Instant | None = Field(default=None, description="The softer promise; no breach.")
    reason: str = Field(description="Named reason: why the timer is as this event says.")


class TimerStarted(TimerEvent):
    """A promise began at `occurred_at`."""

    type: Literal["pledge.timer.started.v1"] = "pledge.timer.started.v1"


class TimerPaused(TimerEvent):
    """A promise stands still from `occurred_at` on."""

    type: Literal["pledge.timer.paused.v1"] = "pledge.timer.paused.v1"
    remaining_for: timedelta | None = Field(default=None, description="Of the promise's time.")


class TimerResumed(TimerEvent):
    """A paused promise goes on; `due_at` is the new instant."""

    type: Literal["pledge.timer.resumed.v1"] = "pledge.timer.resumed.v1"


class TimerRescheduled(TimerEvent):
    """A promise is due at another instant than was said before: triage, plan, policy. Also when it
    runs again, because what met it was taken back (`reply_failed`)."""

    type: Literal["pledge.timer.rescheduled.v1"] = "pledge.timer.rescheduled.v1"
    previous_due_at: Instant | None = None


class TimerAtRisk(TimerEvent):
    """So many percent of a promise's time are used (`occurred_at`), and it is not met."""

    type: Literal["pledge.timer.at_risk.v1"] = "pledge.timer.at_risk.v1"
    percent: int = Field(ge=0, le=100)


class TimerMet(TimerEvent):
    """A promise was kept, or fulfilled late: `occurred_at` is when."""

    type: Literal["pledge.timer.met.v1"] = "pledge.timer.met.v1"
    met_at: Instant
    is_late: bool = Field(default=False, description="After `due_at`: the breach stands.")
    is_after_expected: bool = Field(default=False, description="After `expect_at`.")
    elapsed_for: timedelta | None = Field(
        default=None, description="Time used, on the promise's calendar."
    )


class TimerCancelled(TimerEvent):
    """A promise no longer applies."""

    type: Literal["pledge.timer.cancelled.v1"] = "pledge.timer.cancelled.v1"


class SilenceElapsed(Event):
    """A silence rule of the desk came true on a ticket, e.g. five days and three attempts
    (VIR-10)."""

    TOPIC: ClassVar[Topic] = Topic.SLA_EVENTS
    type: Literal["pledge.silence.elapsed.v1"] = "pledge.silence.elapsed.v1"
    ticket_id: UUID
    ticket_number: str = Field(validation_alias=AliasChoices("ticket_number", "number"))
    number: ClassVar[Any] = former_name("ticket_number")
    rule: str = Field(description="Name of the rule in the desk's file.")
    step: str = Field(default="elapsed", description="Open set: announce, elapsed.")
    silent_since: Instant
    attempts: int = Field(default=0, ge=0, description="Unsuccessful contact attempts counted.")
    closes_at: Instant | None = Field(default=None, description="With step `announce`.")
    conditions: tuple[Line, ...] = Field(default=(), description="In words, as they stand.")
    policy_version: str

    def subject(self) -> str:
        """The ticket's id."""
        return str(self.ticket_id)


class BreachEvent(PromiseEvent):
    """What breaches and their retractions have: enough to act on without asking anybody."""

    TOPIC: ClassVar[Topic] = Topic.SLA_BREACHES
    breach_id: UUID = Field(description="One promise missed once; retracted under the same id.")
    ticket_number: str = Field(description="The ticket's number, or the incident's title.")
    subject_line: Line = ""
    requester: Contact = Contact()
    channel: str | None = Field(default=None, description="How the ticket came in.")
    due_at: Instant = Field(description="The instant promised.")
    breached_at: Instant = Field(description="The same as `due_at`: when the promise broke.")
    detected_at: Instant = Field(description="When Pledge noticed.")
    is_late: bool = Field(
        default=False, description="Noticed later than the engine's own objective allows."
    )
    is_provisional: bool = Field(
        default=False, description="Said while facts may be unread; a retraction may follow."
    )

    def __str__(self) -> str:
        promise = f"{self.metric} ({self.target}), due {self.due_at:%Y-%m-%d %H:%M:%S}Z"
        severity = f" {self.severity}" if self.severity else ""
        return f"{self.type} {self.desk} {self.ticket_number}{severity}: {promise}"

    @model_validator(mode="after")
    def _breaks_when_due(self) -> Self:
        if self.breached_at != self.due_at:
            raise ValueError("a promise breaks at the instant promised: breached_at is due_at")
        return self


class PromiseBreached(BreachEvent):
    """A promise was missed. `occurred_at` is `breached_at`."""

    type: Literal["pledge.promise.breached.v1"] = "pledge.promise.breached.v1"
    met_at: Instant | None = Field(
        default=None,
        description="When it was done after all, if that was before the breach was noticed.",
    )


class BreachRetracted(BreachEvent):
    """A breach is taken back: a fact learnt late proves the promise kept or not applicable."""

    type: Literal["pledge.promise.breach_retracted.v1"] = "pledge.promise.breach_retracted.v1"
    reason: str = Field(description="Named reason: which kind of fact proved it.")
    retracted_at: Instant
    met_at: Instant | None = Field(default=None, description="When the promise was really kept.")


EVENTS: tuple[type[Event], ...] = (
    TimerStarted,
    TimerPaused,
    TimerResumed,
    TimerRescheduled,
    TimerAtRisk,
    TimerMet,
    TimerCancelled,
    SilenceElapsed,
    PromiseBreached,
    BreachRetracted,
)
