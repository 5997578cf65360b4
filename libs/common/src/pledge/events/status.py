"""What status publishes: incidents, components, maintenance, and updates addressed to people."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from pledge.events.event import Event
from pledge.events.topics import Topic
from pledge.events.values import Actor, Excerpt, Instant, Line, Value

MAX_RECIPIENTS = 500
"""Recipients in one `UpdateAddressed`, so that one flood never exceeds a record."""


class ComponentState(Value):
    """How one component of the page stands."""

    component: str = Field(description="The component's slug in the desk's file.")
    name: Line
    status: str = Field(
        description="Open set: operational, degraded_performance, partial_outage, major_outage, "
        "under_maintenance."
    )


class StatusEvent(Event):
    """What all events of status have."""

    TOPIC: ClassVar[Topic] = Topic.STATUS_EVENTS


class IncidentEvent(StatusEvent):
    """What all events of one incident have: the incident as it is now."""

    incident_id: UUID
    title: Line
    impact: str = Field(description="Open set: none, minor, major, critical.")
    severity: str | None = Field(
        default=None, description="That of the ticket it was opened for, as the desk names it."
    )
    state: str = Field(description="Open set: investigating, identified, monitoring, resolved.")
    components: tuple[ComponentState, ...] = ()
    ticket_ids: tuple[UUID, ...] = Field(default=(), description="Tickets known to belong to it.")
    update_id: UUID = Field(description="The incident update that this event publishes.")
    body: Excerpt = Field(default="", description="The update's text, plain.")
    by: Actor
    is_public: bool = Field(default=True, description="False while it is a draft.")

    def subject(self) -> str:
        """The incident's id."""
        return str(self.incident_id)


class IncidentOpened(IncidentEvent):
    """An incident began at `occurred_at`."""

    type: Literal["pledge.incident.opened.v1"] = "pledge.incident.opened.v1"
    next_update_by: Instant | None = None


class IncidentUpdated(IncidentEvent):
    """An update was published (SIS-13)."""

    type: Literal["pledge.incident.updated.v1"] = "pledge.incident.updated.v1"
    next_update_by: Instant | None = None


class IncidentResolved(IncidentEvent):
    """The incident is over; no further update is promised."""

    type: Literal["pledge.incident.resolved.v1"] = "pledge.incident.resolved.v1"


class ComponentChanged(StatusEvent):
    """A component's status changed."""

    type: Literal["pledge.component.changed.v1"] = "pledge.component.changed.v1"
    component: ComponentState
    previous_status: str | None = None
    incident_id: UUID | None = None
    maintenance_id: UUID | None = None
    by: Actor

    def subject(self) -> str:
        """`desk/component`."""
        return f"{self.desk}/{self.component.component}"


class MaintenanceEvent(StatusEvent):
    """What all events of one planned maintenance have: the maintenance as it is now."""

    maintenance_id: UUID
    title: Line
    body: Excerpt = ""
    components: tuple[ComponentState, ...] = ()
    starts_at: Instant
    ends_at: Instant
    update_id: UUID
    by: Actor

    def subject(self) -> str:
        """The maintenance's id."""
        return str(self.maintenance_id)


class MaintenanceScheduled(MaintenanceEvent):
    """A maintenance was planned, or rescheduled."""

    type: Literal["pledge.maintenance.scheduled.v1"] = "pledge.maintenance.scheduled.v1"


class MaintenanceStarted(MaintenanceEvent):
    """A planned maintenance began."""

    type: Literal["pledge.maintenance.started.v1"] = "pledge.maintenance.started.v1"


class MaintenanceCompleted(MaintenanceEvent):
    """A planned maintenance is done."""

    type: Literal["pledge.maintenance.completed.v1"] = "pledge.maintenance.completed.v1"


class MaintenanceCancelled(MaintenanceEvent):
    """A planned maintenance will not be."""

    type: Literal["pledge.maintenance.cancelled.v1"] = "pledge.maintenance.cancelled.v1"


class Recipient(Value):
    """One subscriber who is notified of an update."""

    subscriber_id: UUID
    method: str = Field(description="Open set: email, sms, webhook, chat.")
    address: str = Field(description="Address, number or URL.")
    language: str | None = Field(default=None, description="BCP 47.")
    zone: str | None = Field(default=None, description="IANA zone to show times in (SMS-08).")
    unsubscribe_url: str | None = Field(default=None, description="One click (RFC 8058).")


class UpdateAddressed(StatusEvent):
    """An update with the people to send it to, in parts of at most 500."""

    type: Literal["pledge.update.addressed.v1"] = "pledge.update.addressed.v1"
    update_id: UUID
    incident_id: UUID | None = None
    maintenance_id: UUID | None = None
    subject_line: Line
    body: Excerpt
    state: str = Field(default="", description="State of the incident or maintenance, for people.")
    impact: str = ""
    page_url: str = Field(description="Where the update stands on the status page.")
    part: int = Field(default=1, ge=1)
    parts: int = Field(default=1, ge=1)
    recipients: tuple[Recipient, ...] = Field(min_length=1, max_length=MAX_RECIPIENTS)

    def subject(self) -> str:
        """The incident's id, else the maintenance's, else the update's."""
        return str(self.incident_id or self.maintenance_id or self.update_id)


class ConfirmationRequested(StatusEvent):
    """A subscriber has to confirm that the address is theirs before anything else is sent to it."""

    type: Literal["pledge.subscription.confirmation_requested.v1"] = (
        "pledge.subscription.confirmation_requested.v1"
    )
    recipient: Recipient
    confirm_url: str = Field(description="Confirms once; holds a secret.")
    page_name: Line = Field(description="Name of the status page, for people.")

    def subject(self) -> str:
        """The subscriber's id."""
        return str(self.recipient.subscriber_id)


EVENTS: tuple[type[Event], ...] = (
    IncidentOpened,
    IncidentUpdated,
    IncidentResolved,
    ComponentChanged,
    MaintenanceScheduled,
    MaintenanceStarted,
    MaintenanceCompleted,
    MaintenanceCancelled,
    UpdateAddressed,
    ConfirmationRequested,
)
