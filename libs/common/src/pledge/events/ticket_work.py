"""Ticket events about the work on a ticket: who, with whom, in what scope, under which plan."""

from typing import Literal
from uuid import UUID

from pydantic import Field

from pledge.events.event import Event
from pledge.events.ticket import PAGE_HELD, TicketEvent
from pledge.events.values import Actor, AttachmentRef, Contact, Excerpt, Instant, Line


class Assigned(TicketEvent):
    """Somebody took the ticket, or was given it, or nobody has it now (SIG-05)."""

    type: Literal["pledge.ticket.assigned.v1"] = "pledge.ticket.assigned.v1"
    assignee: Actor | None
    by: Actor
    team: str | None = Field(default=None, description="The team that has it now.")
    previous_team: str | None = Field(default=None, description="The team that had it before.")
    is_team_changed: bool = Field(default=False, description="It came to this team just now.")
    is_taken: bool = Field(default=False, description="Somebody has it now who had it not before.")
    is_left: bool = Field(default=False, description="Somebody had it who has it no longer.")


class MilestoneReached(TicketEvent):
    """The work has reached a milestone of the desk's own, such as `service_restored`."""

    type: Literal["pledge.ticket.milestone_reached.v1"] = "pledge.ticket.milestone_reached.v1"
    milestone: str = Field(description="Its name in the desk's files.")
    title: Line = Field(default="", description="Its name for people.")
    by: Actor
    note: Excerpt = ""


class DueRevised(TicketEvent):
    """An agent agreed with the customer by when a promise is kept; the newest agreement holds."""

    type: Literal["pledge.ticket.due_revised.v1"] = "pledge.ticket.due_revised.v1"
    metric: str = Field(description="The promise, as the desk's files name it.")
    due_at: Instant | None = Field(description="The agreed instant; None: that is withdrawn.")
    by: Actor
    why: Line


class Merged(TicketEvent):
    """This ticket's story goes on in another one."""

    type: Literal["pledge.ticket.merged.v1"] = "pledge.ticket.merged.v1"
    into_id: UUID
    into_number: str
    by: Actor


class Absorbed(TicketEvent):
    """Another ticket was merged into this one: its story, and who answers it, come here."""

    type: Literal["pledge.ticket.absorbed.v1"] = "pledge.ticket.absorbed.v1"
    source_id: UUID
    source_number: str
    source_subject_line: Line = ""
    requester: Contact = Field(description="Who asked in the ticket merged away.")
    by: Actor


class FollowedUp(TicketEvent):
    """A later ticket follows this one up (SIG-08); that one's opening links back here."""

    type: Literal["pledge.ticket.followed_up.v1"] = "pledge.ticket.followed_up.v1"
    new_id: UUID
    new_number: str
    by: Actor


class SplitOff(TicketEvent):
    """A further issue of this ticket has a ticket of its own now (SIG-09)."""

    type: Literal["pledge.ticket.split_off.v1"] = "pledge.ticket.split_off.v1"
    new_id: UUID
    new_number: str
    by: Actor
    why: Line = ""


class LinkedToIncident(TicketEvent):
    """The ticket belongs to an incident of the status page."""

    type: Literal["pledge.ticket.linked_to_incident.v1"] = "pledge.ticket.linked_to_incident.v1"
    incident_id: UUID
    by: Actor


class EntitlementDecided(TicketEvent):
    """Whether the requester may open tickets (SIG-01). A refusal always comes with an answer."""

    type: Literal["pledge.ticket.entitlement_decided.v1"] = "pledge.ticket.entitlement_decided.v1"
    entitled: bool
    by: Actor
    rule: str = Field(default="", description="Name of the rule in the desk's file.")
    answer: str | None = Field(default=None, description="Template that the requester was sent.")


class ScopeDecided(TicketEvent):
    """Whether the desk's promises cover the request (SIG-10, SIG-11, VIR-13 to VIR-15)."""

    type: Literal["pledge.ticket.scope_decided.v1"] = "pledge.ticket.scope_decided.v1"
    scope: str = Field(description="Open set: covered, best_effort, out_of_scope, billable.")
    rule: str = Field(default="", description="Name of the rule in the desk's file.")
    by: Actor
    why: Line = ""
    answer: str | None = Field(default=None, description="Template that the requester was sent.")


class ServicesOffered(TicketEvent):
    """Billable work was offered and waits for the customer's confirmation (VIR-15)."""

    type: Literal["pledge.ticket.services_offered.v1"] = "pledge.ticket.services_offered.v1"
    by: Actor
    description: Excerpt
    offer_id: UUID | None = Field(default=None, description="The offer, to be confirmed by it.")
    service: str | None = Field(default=None, description="As the desk's file names it.")
    title: Line = Field(default="", description="Its name for people.")
    price: Line = Field(default="", description="In the words of the desk's file.")
    answer_url: str | None = Field(
        default=None, description="Page where the requester confirms or declines, without sign-in."
    )


class ServicesConfirmed(TicketEvent):
    """The customer accepted or declined billable work (VIR-15)."""

    type: Literal["pledge.ticket.services_confirmed.v1"] = "pledge.ticket.services_confirmed.v1"
    by: Contact
    is_accepted: bool
    offer_id: UUID | None = Field(default=None, description="The offer; None: not known which.")


class ServicesWithdrawn(TicketEvent):
    """An offer of billable work was taken back before the customer answered it (VIR-15)."""

    type: Literal["pledge.ticket.services_withdrawn.v1"] = "pledge.ticket.services_withdrawn.v1"
    by: Actor
    offer_id: UUID
    why: Line = ""


class ParticipantsChanged(TicketEvent):
    """Who gets every update, as it is now (SIG-03)."""

    type: Literal["pledge.ticket.participants_changed.v1"] = "pledge.ticket.participants_changed.v1"
    requester: Contact
    participants: tuple[Contact, ...]
    by: Actor
    is_answerable: bool | None = Field(
        default=None, description="Whether there is somebody to answer; None: as before (SIS-04)."
    )


class PlanChanged(TicketEvent):
    """Plan, trial or customer changed, from `occurred_at` on; time counted stays (INF-07)."""

    type: Literal["pledge.ticket.plan_changed.v1"] = "pledge.ticket.plan_changed.v1"
    plan: str | None
    previous_plan: str | None = None
    customer: str | None = Field(default=None, description="As it is now.")
    is_trial: bool = Field(default=False, description="As it is now (VIR-07).")
    by: Actor


class Escalated(TicketEvent):
    """Somebody asks for a manager (VIR-11)."""

    type: Literal["pledge.ticket.escalated.v1"] = "pledge.ticket.escalated.v1"
    by: Contact
    to: str = Field(default="manager", description="Role or rotation, as the desk's file names it.")
    line: str | None = Field(default=None, description="Address that it came by.")
    text: Excerpt = ""
    page_held: str | None = Field(default=None, description=PAGE_HELD)


class MisuseRecorded(TicketEvent):
    """The critical line was used for something that is not critical (SMS-05)."""

    type: Literal["pledge.ticket.misuse_recorded.v1"] = "pledge.ticket.misuse_recorded.v1"
    line: str
    severity: str
    by: Actor
    rule: str = ""


class MisuseDecided(TicketEvent):
    """A person confirmed or dismissed a recorded misuse. Nothing is charged by Pledge (SMS-05)."""

    type: Literal["pledge.ticket.misuse_decided.v1"] = "pledge.ticket.misuse_decided.v1"
    is_confirmed: bool
    by: Actor
    why: Line = ""


class MeetingProposed(TicketEvent):
    """A meeting or live session was proposed (SIG-07)."""

    type: Literal["pledge.ticket.meeting_proposed.v1"] = "pledge.ticket.meeting_proposed.v1"
    meeting_id: UUID
    starts_at: Instant
    ends_at: Instant
    place: Line = Field(default="", description="Link or place.")
    by: Actor
    answer_url: str | None = Field(
        default=None, description="Page where the requester accepts or declines, without sign-in."
    )


class MeetingAgreed(TicketEvent):
    """Both sides agreed; a calendar invitation goes out."""

    type: Literal["pledge.ticket.meeting_agreed.v1"] = "pledge.ticket.meeting_agreed.v1"
    meeting_id: UUID
    starts_at: Instant
    ends_at: Instant
    place: Line = ""
    by: Actor


class MeetingHeld(TicketEvent):
    """The meeting is over; what waited for it goes on."""

    type: Literal["pledge.ticket.meeting_held.v1"] = "pledge.ticket.meeting_held.v1"
    meeting_id: UUID
    by: Actor
    note: Excerpt = ""


class MeetingCancelled(TicketEvent):
    """The meeting will not be; what waited for it goes on."""

    type: Literal["pledge.ticket.meeting_cancelled.v1"] = "pledge.ticket.meeting_cancelled.v1"
    meeting_id: UUID
    by: Actor
    why: Line = ""


class MaintenanceWindowSet(TicketEvent):
    """The ticket's customer has a maintenance window: non-urgent messages wait for its end
    (INF-09). The same window set again replaces it; `is_withdrawn` takes it back."""

    type: Literal["pledge.ticket.maintenance_window_set.v1"] = (
        "pledge.ticket.maintenance_window_set.v1"
    )
    window_id: UUID
    starts_at: Instant
    ends_at: Instant
    note: Line = ""
    by: Actor
    is_withdrawn: bool = False


class EmailRequested(TicketEvent):
    """Intake asks for a mail to be sent: an acknowledgement, a reply, a question, an invitation."""

    type: Literal["pledge.ticket.email_requested.v1"] = "pledge.ticket.email_requested.v1"
    email_id: UUID = Field(description="The request; the same again is the same mail.")
    to: tuple[Contact, ...] = Field(min_length=1)
    cc: tuple[Contact, ...] = ()
    template: str = Field(description="Name of the message template in the desk's notify file.")
    variables: dict[str, str] = Field(default_factory=dict, description="For the template.")
    subject_line: Line | None = Field(default=None, description="In place of the template's.")
    text: str | None = Field(default=None, description="An agent's own words, in full.")
    reply_to: str | None = Field(default=None, description="Address that the answer comes to.")
    in_reply_to: str | None = Field(default=None, description="Message-ID answered.")
    references: tuple[str, ...] = ()
    calendar: str | None = Field(default=None, description="iCalendar text of an invitation.")
    attachments: tuple[AttachmentRef, ...] = Field(
        default=(), description="Files that go with it, by reference."
    )
    is_urgent: bool = Field(default=False, description="Waits for no maintenance window.")
    is_automatic: bool = Field(default=True, description="Marked Auto-Submitted (RFC 3834).")


EVENTS: tuple[type[Event], ...] = (
    Assigned,
    MilestoneReached,
    DueRevised,
    Merged,
    Absorbed,
    FollowedUp,
    SplitOff,
    LinkedToIncident,
    EntitlementDecided,
    ScopeDecided,
    ServicesOffered,
    ServicesConfirmed,
    ServicesWithdrawn,
    ParticipantsChanged,
    PlanChanged,
    Escalated,
    MisuseRecorded,
    MisuseDecided,
    MeetingProposed,
    MeetingAgreed,
    MeetingHeld,
    MeetingCancelled,
    MaintenanceWindowSet,
    EmailRequested,
)
