"""Ticket events: the facts of a ticket's life that intake publishes. What promises need is here;
how the work went is in `ticket_work`, feedback and complaints in `ticket_feedback`."""

from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import AliasChoices, Field

from pledge.events.event import Event, former_name
from pledge.events.topics import Topic
from pledge.events.values import (
    Actor,
    AttachmentRef,
    Authentication,
    Contact,
    Excerpt,
    Instant,
    Line,
    SubjectLine,
)

PAGE_HELD = (
    "Why nobody is to be woken for this, though it is urgent: sender_limit or desk_limit (one of a "
    "flood, whose first ones paged), sender_forged. Open set."
)


class TicketEvent(Event):
    """What all facts of a ticket have."""

    TOPIC: ClassVar[Topic] = Topic.TICKET_EVENTS
    ticket_id: UUID
    ticket_number: str = Field(
        validation_alias=AliasChoices("ticket_number", "number"),
        description="For people: `VIR-10042`.",
    )
    number: ClassVar[Any] = former_name("ticket_number")

    def subject(self) -> str:
        """The ticket's id."""
        return str(self.ticket_id)


class TicketOpened(TicketEvent):
    """A request became a ticket. `occurred_at` is the receipt of the delivery that opened it."""

    type: Literal["pledge.ticket.opened.v1"] = "pledge.ticket.opened.v1"
    subject_line: SubjectLine = ""
    text: Excerpt = ""
    attachments: tuple[AttachmentRef, ...] = Field(default=(), description="Files that came along.")
    channel: str = Field(description="Open set: email, chat, phone, portal, agent.")
    delivery: str | None = Field(default=None, description="Key of the delivery that opened it.")
    mail_message_id: str | None = Field(
        default=None,
        validation_alias=AliasChoices("mail_message_id", "message_id"),
        description="Message-ID of the mail that opened it, to answer to.",
    )
    message_id: ClassVar[Any] = former_name("mail_message_id")
    line: str | None = Field(
        default=None, description="Address, number, form or widget that it came by."
    )
    form: str | None = Field(default=None, description="Kind of request.")
    requester: Contact
    authentication: Authentication | None = Field(
        default=None, description="What the gateway found out about who wrote; None: not known."
    )
    participants: tuple[Contact, ...] = Field(default=(), description="In copy (SIG-03).")
    reply_to: str | None = Field(default=None, description="Address that answers go to.")
    language: str | None = Field(default=None, description="BCP 47.")
    severity: str | None = Field(default=None, description="As the desk's file names it: `p1`.")
    priority: str | None = None
    impact: str | None = Field(
        default=None, description="How far the fault reaches, as the desk's file names it."
    )
    urgency: str | None = Field(default=None, description="How soon it has to be mended, likewise.")
    is_by_matrix: bool = Field(
        default=False,
        description="Severity (or priority, where the desk's matrix gives that) follows from "
        "impact and urgency: nobody chose it.",
    )
    plan: str | None = None
    product: str | None = None
    customer: str | None = Field(default=None, description="Organisation or tenant.")
    is_trial: bool = Field(default=False, description="Trial or onboarding customer (VIR-07).")
    is_urgent: bool = Field(default=False, description="Came by an emergency line or address.")
    is_answerable: bool = Field(
        default=True, description="False: nobody to answer, so no promise runs (SIS-04)."
    )
    is_from_machine: bool = Field(
        default=False, description="Monitoring or a device wrote: no automatic answer (RFC 3834)."
    )
    is_complete: bool = Field(default=True, description="All required information is there.")
    missing: tuple[str, ...] = Field(default=(), description="Required information not given.")
    entitled: bool | None = Field(default=None, description="None: not decided yet, or no rule.")
    scope: str | None = Field(default=None, description="As in `ScopeDecided`, if a rule decided.")
    opened_by: Actor | None = Field(default=None, description="The agent who opened it (SIG-09).")
    follows_up: UUID | None = Field(default=None, description="The ticket it follows up (SIG-08).")
    split_from: UUID | None = Field(default=None, description="The ticket it was split from.")
    reported_at: Instant | None = Field(
        default=None,
        description="When the issue was reported, if before this ticket was opened: promises count "
        "from then (SIG-09).",
    )
    page_held: str | None = Field(default=None, description=PAGE_HELD)


class RequesterReplied(TicketEvent):
    """The requester, or a participant, wrote or called again: by mail, chat, portal or phone."""

    type: Literal["pledge.ticket.requester_replied.v1"] = "pledge.ticket.requester_replied.v1"
    by: Contact
    channel: str = Field(description="Open set: email, chat, phone, portal.")
    line: str | None = None
    delivery: str | None = None
    text: Excerpt = ""
    attachments: tuple[AttachmentRef, ...] = Field(default=(), description="Files that came along.")
    authentication: Authentication | None = Field(
        default=None, description="What the gateway found out about who wrote; None: not known."
    )
    is_urgent: bool = Field(default=False, description="Came by an emergency line or address.")
    page_held: str | None = Field(default=None, description=PAGE_HELD)


class AgentReplied(TicketEvent):
    """An agent wrote to the requester. An automatic acknowledgement is never this event."""

    type: Literal["pledge.ticket.agent_replied.v1"] = "pledge.ticket.agent_replied.v1"
    by: Actor = Field(validation_alias=AliasChoices("by", "agent"))
    agent: ClassVar[Any] = former_name("by")
    channel: str = Field(default="email", description="Open set: email, chat, phone, portal.")
    text: Excerpt = ""
    attachments: tuple[AttachmentRef, ...] = Field(default=(), description="Files that go along.")
    to: tuple[Contact, ...] = Field(default=(), description="Requester and participants notified.")
    is_initial_response: bool = Field(
        default=False,
        description="Marked by the agent: investigated, with resolution or plan stated (INF-03).",
    )


class AgentReplyFailed(TicketEvent):
    """The mail of an agent's reply could not be sent, or came back. The `agent_replied` is taken
    back: it met no promise, and nothing that it started or ended happened."""

    type: Literal["pledge.ticket.agent_reply_failed.v1"] = "pledge.ticket.agent_reply_failed.v1"
    takes_back: int = Field(ge=1, description="`ce_sequence` of the `agent_replied`.")
    email_id: UUID = Field(description="The mail, as in `email_requested`.")
    recipient: str = Field(description="Address that it did not reach.")
    reason: str = Field(description="Named reason, as in `email.failed`, or `bounced`.")
    detail: Line = ""


class Noted(TicketEvent):
    """An agent left a note that the requester does not see, or a delivery was noted as one."""

    type: Literal["pledge.ticket.noted.v1"] = "pledge.ticket.noted.v1"
    by: Actor
    text: Excerpt
    attachments: tuple[AttachmentRef, ...] = Field(default=(), description="Files kept with it.")
    delivery: str | None = Field(default=None, description="Key of the delivery noted, if one was.")


class Triaged(TicketEvent):
    """Severity or priority was set or changed; both values stand here as they are now."""

    type: Literal["pledge.ticket.triaged.v1"] = "pledge.ticket.triaged.v1"
    severity: str | None
    priority: str | None = None
    impact: str | None = Field(default=None, description="As it is now.")
    urgency: str | None = Field(default=None, description="As it is now.")
    is_by_matrix: bool = Field(default=False, description="As in `TicketOpened`, as it is now.")
    previous_severity: str | None = None
    previous_priority: str | None = None
    requested_severity: str | None = Field(
        default=None,
        description="What was asked for, where a floor or ceiling changed it (VIR-07).",
    )
    by: Actor
    why: Line = ""
    product: str | None = Field(default=None, description="Set in the same step, if not None.")
    known_incident: bool = Field(
        default=False, description="The provider confirms a known critical incident (SIS-13)."
    )


class InformationRequested(TicketEvent):
    """Required information is missing and was asked for (INF-06)."""

    type: Literal["pledge.ticket.information_requested.v1"] = (
        "pledge.ticket.information_requested.v1"
    )
    missing: tuple[str, ...] = Field(min_length=1)
    by: Actor


class InformationCompleted(TicketEvent):
    """Nothing is missing any more: promises that waited for it begin at `occurred_at`."""

    type: Literal["pledge.ticket.information_completed.v1"] = (
        "pledge.ticket.information_completed.v1"
    )
    by: Contact | None = None
    fields: dict[str, str] = Field(default_factory=dict, description="What is known now.")


class WaitingOnCustomer(TicketEvent):
    """The ticket waits for the customer from now on."""

    type: Literal["pledge.ticket.waiting_on_customer.v1"] = "pledge.ticket.waiting_on_customer.v1"
    by: Actor
    why: Line = ""


class WaitingOnProvider(TicketEvent):
    """The desk has the next step again; ends every kind of waiting."""

    type: Literal["pledge.ticket.waiting_on_provider.v1"] = "pledge.ticket.waiting_on_provider.v1"
    by: Actor
    why: Line = ""


class CustomerUnavailable(TicketEvent):
    """The customer cannot be reached for the work; ends with a reply or `WaitingOnProvider`
    (VIR-09)."""

    type: Literal["pledge.ticket.customer_unavailable.v1"] = "pledge.ticket.customer_unavailable.v1"
    by: Actor
    why: Line = ""


class ContactAttempted(TicketEvent):
    """A technician tried to reach the customer (VIR-08)."""

    type: Literal["pledge.ticket.contact_attempted.v1"] = "pledge.ticket.contact_attempted.v1"
    by: Actor
    channel: str = Field(description="Open set: phone, email, chat.")
    reached: bool
    note: Line = ""


class CallbackRequested(TicketEvent):
    """The customer waits to be called back (VIR-03, SIS-06)."""

    type: Literal["pledge.ticket.callback_requested.v1"] = "pledge.ticket.callback_requested.v1"
    by: Contact
    phone: str | None = None
    is_urgent: bool = False
    page_held: str | None = Field(default=None, description=PAGE_HELD)


class WorkaroundProvided(TicketEvent):
    """A way around the fault was given (VIR-04) or assessed (INF-14)."""

    type: Literal["pledge.ticket.workaround_provided.v1"] = "pledge.ticket.workaround_provided.v1"
    by: Actor
    circumvention: str = Field(
        default="workaround", description="Open set: none, circumvention, workaround (INF-14)."
    )
    is_suitable: bool = Field(default=True, description="Serves in place of the resolution.")
    severity: str | None = Field(
        default=None, description="The ticket's when this was assessed (INF-14)."
    )
    text: Excerpt = ""


class Resolved(TicketEvent):
    """The desk deems the ticket resolved and says so (SIG-08)."""

    type: Literal["pledge.ticket.resolved.v1"] = "pledge.ticket.resolved.v1"
    by: Actor
    resolution: Excerpt = ""
    fixed_in_release: bool = Field(
        default=False, description="To be fixed in a future release (VIR-06, INF-14)."
    )
    release: str | None = Field(default=None, description="Which release, if known.")


class Reopened(TicketEvent):
    """A resolved or closed ticket is at work again."""

    type: Literal["pledge.ticket.reopened.v1"] = "pledge.ticket.reopened.v1"
    by: Actor
    why: Line = ""


class ClosingAnnounced(TicketEvent):
    """The customer was notified that the ticket will close automatically (VIR-10)."""

    type: Literal["pledge.ticket.closing_announced.v1"] = "pledge.ticket.closing_announced.v1"
    closes_at: Instant
    conditions: tuple[Line, ...] = Field(default=(), description="In words, as they stand.")


class Closed(TicketEvent):
    """The ticket is over; a reply may still reopen it."""

    type: Literal["pledge.ticket.closed.v1"] = "pledge.ticket.closed.v1"
    by: Actor
    reason: str = Field(description="Open set: resolved, silence, merged, misuse, not_entitled, …")
    conditions: tuple[Line, ...] = Field(default=(), description="What a rule found, in words.")


EVENTS: tuple[type[Event], ...] = (
    TicketOpened,
    RequesterReplied,
    AgentReplied,
    AgentReplyFailed,
    Noted,
    Triaged,
    InformationRequested,
    InformationCompleted,
    WaitingOnCustomer,
    WaitingOnProvider,
    CustomerUnavailable,
    ContactAttempted,
    CallbackRequested,
    WorkaroundProvided,
    Resolved,
    Reopened,
    ClosingAnnounced,
    Closed,
)
