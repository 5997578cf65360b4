"""Channel events: one delivery from the outside each. Any gateway may publish them.

`occurred_at` is the provider's time of receipt: the instant the customer's words reached the desk's
side, which is when the desk's promises begin.
"""

from datetime import timedelta
from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import AliasChoices, Field

from pledge.events.event import Event, former_name
from pledge.events.topics import Topic
from pledge.events.values import (
    AttachmentRef,
    Authentication,
    Contact,
    FieldText,
    Instant,
    Line,
    SubjectLine,
    Value,
)

NUMBER_NAMED = "The ticket that the caller named: its number, or the digits of it (SIS-09)."


class ChannelEvent(Event):
    """What all deliveries have: a key against doubles, the conversation, the authentication."""

    delivery: str = Field(
        min_length=1,
        description="Unique per desk and channel; the same delivery sent twice has the same key.",
    )
    conversation: str = Field(
        min_length=1,
        description="What keeps order together: thread root, chat session, call, portal ticket.",
    )
    authentication: Authentication

    def subject(self) -> str:
        """`desk/conversation`: conversations of two desks never mix."""
        return f"{self.desk}/{self.conversation}"


class DeliveryReport(Value):
    """What a bounce or report says of one mail that it returns (RFC 3464)."""

    recipient: str | None = Field(default=None, description="Address that was not reached.")
    action: str = Field(description="Open set: failed, delayed, delivered, relayed, expanded.")
    status: str | None = Field(default=None, description="Enhanced status code: `5.1.1`.")
    diagnostic: Line = Field(default="", description="What the other side said.")
    returned_message_id: str | None = Field(
        default=None, description="Message-ID of the mail returned, with its brackets."
    )


class MeetingAnswer(Value):
    """An answer to an invitation of ours (RFC 5546 REPLY)."""

    uid: str = Field(description="UID of the invitation.")
    answer: str = Field(description="Open set: accepted, declined, tentative.")
    attendee: str | None = Field(default=None, description="Address that answers.")
    comment: str = ""


class ForwardedMail(Value):
    """Somebody else's mail that a mail passes on, in its words or as a file: it proves nothing."""

    sender: Contact = Field(description="Who is said to have written it.")
    subject_line: SubjectLine = ""
    text: str = Field(default="", description="The original's words.")
    comment: str = Field(default="", description="What who passed it on says to it.")


class EmailMessageReceived(ChannelEvent):
    """A mail reached one of the desk's addresses."""

    TOPIC: ClassVar[Topic] = Topic.CHANNEL_EMAIL
    type: Literal["pledge.email.message_received.v1"] = "pledge.email.message_received.v1"
    mail_message_id: str | None = Field(
        default=None,
        validation_alias=AliasChoices("mail_message_id", "message_id"),
        description="Message-ID with its brackets.",
    )
    message_id: ClassVar[Any] = former_name("mail_message_id")
    in_reply_to: str | None = Field(default=None, description="Message-ID answered, if said.")
    references: tuple[str, ...] = Field(default=(), description="Message-IDs, oldest first.")
    sender: Contact = Field(description="From, as the mail says; see `authentication`.")
    reply_to: str | None = Field(default=None, description="Reply-To address, if it differs.")
    recipients: tuple[str, ...] = Field(description="Envelope recipients (RCPT TO).")
    to: tuple[str, ...] = Field(default=(), description="Addresses in To.")
    cc: tuple[str, ...] = Field(default=(), description="Addresses in Cc.")
    subject_line: SubjectLine = Field(default="", description="Subject, decoded, in full.")
    text: str = Field(
        default="", description="Plain text; taken from HTML where there is no other."
    )
    visible_text: str | None = Field(
        default=None, description="The writer's new words, without quote and signature."
    )
    quoted_text: str = Field(default="", description="What the mail repeats of earlier ones.")
    signature: str = Field(default="", description="The signature, without its separator.")
    html: str | None = Field(default=None, description="As sent: sanitise before showing.")
    is_truncated: bool = Field(default=False, description="Text or HTML was cut to fit the bus.")
    attachments: tuple[AttachmentRef, ...] = Field(default=())
    raw: AttachmentRef | None = Field(default=None, description="The whole message as it came.")
    submitted_by: Contact | None = Field(
        default=None, description="Sender: who sent it on behalf of From."
    )
    defects: tuple[str, ...] = Field(
        default=(),
        description="What was wrong with the mail or could not be read. Open set: encrypted_pgp, "
        "encrypted_smime, undecodable_part, too_many_parts, too_slow, …",
    )
    kind: str | None = Field(
        default=None,
        description="Open set: human, auto_reply, bounce, list, feedback_loop, other_machine.",
    )
    reports: tuple[DeliveryReport, ...] = Field(default=(), description="Of a bounce.")
    meeting_answer: MeetingAnswer | None = Field(default=None)
    forwarded: ForwardedMail | None = Field(
        default=None, description="The mail that this one passes on, if a person passes one on."
    )
    is_auto_submitted: bool = Field(
        default=False, description="An automatic answer or bounce (RFC 3834): never answer it."
    )
    headers: dict[str, str] = Field(
        default_factory=dict, description="Other header fields worth a rule, names in lower case."
    )


class ChatMessageReceived(ChannelEvent):
    """Somebody wrote into a chat. The first message of a conversation begins it."""

    TOPIC: ClassVar[Topic] = Topic.CHANNEL_CHAT
    type: Literal["pledge.chat.message_received.v1"] = "pledge.chat.message_received.v1"
    sender: Contact
    sender_kind: str = Field(
        default="requester",
        description="Open set: requester, agent, bot, note (what the chat program itself tells).",
    )
    line: str | None = Field(default=None, description="Which widget, workspace or queue.")
    subject_line: Line = Field(default="", description="Topic chosen before the chat, if any.")
    text: str = ""
    attachments: tuple[AttachmentRef, ...] = ()
    has_contact_details: bool = Field(
        default=False, description="There is a way to reach the person after the chat (SIS-04)."
    )


class ChatEnded(ChannelEvent):
    """A chat is over. Without contact details there is nobody left to answer (SIS-04)."""

    TOPIC: ClassVar[Topic] = Topic.CHANNEL_CHAT
    type: Literal["pledge.chat.ended.v1"] = "pledge.chat.ended.v1"
    ended_by: str = Field(description="Open set: requester, agent, timeout.")
    requester: Contact = Field(default=Contact(), description="Details left at the end, if any.")
    has_contact_details: bool = False
    was_answered: bool = Field(default=False, description="An agent took part.")
    waited_for: timedelta | None = Field(default=None, description="Time in the queue.")


class PhoneEvent(ChannelEvent):
    """What all events of one call have."""

    TOPIC: ClassVar[Topic] = Topic.CHANNEL_PHONE
    call_id: str = Field(description="The provider's id of the call.")
    line: str = Field(description="Number called, E.164.")
    extension: str | None = Field(default=None, description="Extension dialled (SMS-01: 501).")
    caller: Contact


class CallReceived(PhoneEvent):
    """A call came in. It may still be answered, or end as a voicemail."""

    type: Literal["pledge.phone.call_received.v1"] = "pledge.phone.call_received.v1"
    menu_choice: str | None = Field(default=None, description="What the caller chose in the menu.")
    is_urgent: bool = Field(default=False, description="The line or the menu says so.")
    ticket_number: Line | None = Field(default=None, description=NUMBER_NAMED)


class CallAnswered(PhoneEvent):
    """Somebody of the desk picked up. The call goes on; its end follows as `CallEnded`."""

    type: Literal["pledge.phone.call_answered.v1"] = "pledge.phone.call_answered.v1"
    answered_by: str = Field(description="The agent, or the extension that answered.")


class CallEnded(PhoneEvent):
    """A call is over."""

    type: Literal["pledge.phone.call_ended.v1"] = "pledge.phone.call_ended.v1"
    answered_by: str | None = Field(default=None, description="The agent who spoke, if anyone.")
    duration: timedelta = Field(description="From pick-up by line or person to hang-up.")


class VoicemailLeft(PhoneEvent):
    """A caller left a voicemail; its text, if any, follows as `VoicemailTranscribed`."""

    type: Literal["pledge.phone.voicemail_left.v1"] = "pledge.phone.voicemail_left.v1"
    menu_choice: str | None = None
    is_urgent: bool = Field(default=False, description="The line or the menu says so.")
    ticket_number: Line | None = Field(default=None, description=NUMBER_NAMED)
    duration: timedelta | None = None
    recording_url: str | None = Field(default=None, description="At the provider; needs sign-in.")


class VoicemailTranscribed(PhoneEvent):
    """The text of a voicemail left before."""

    type: Literal["pledge.phone.voicemail_transcribed.v1"] = "pledge.phone.voicemail_transcribed.v1"
    text: str
    confidence: float | None = Field(default=None, ge=0, le=1)


class FormSubmitted(ChannelEvent):
    """A form of the portal or help centre was sent."""

    TOPIC: ClassVar[Topic] = Topic.CHANNEL_PORTAL
    type: Literal["pledge.portal.form_submitted.v1"] = "pledge.portal.form_submitted.v1"
    form: str = Field(description="Kind of request, as the desk's file names it.")
    fields: dict[str, FieldText] = Field(default_factory=dict, description="The form's own fields.")
    requester: Contact
    subject_line: SubjectLine = ""
    text: str = ""
    severity: str | None = Field(default=None, description="As the requester chose (INF-01).")
    priority: str | None = Field(default=None, description="As the requester chose (INF-01).")
    impact: str | None = Field(default=None, description="How far it reaches, as they chose.")
    urgency: str | None = Field(default=None, description="How soon they need it, as they chose.")
    product: str | None = None
    plan: str | None = None
    customer: str | None = Field(default=None, description="Organisation or tenant, if known.")
    is_trial: bool = False
    is_tenant_admin: bool | None = Field(
        default=None, description="Signed in as the tenant's administrator (SIG-02)."
    )
    follows_up: UUID | None = Field(default=None, description="The ticket this follows up on.")
    attachments: tuple[AttachmentRef, ...] = ()


class ReplySubmitted(ChannelEvent):
    """The requester wrote on a ticket in the portal."""

    TOPIC: ClassVar[Topic] = Topic.CHANNEL_PORTAL
    type: Literal["pledge.portal.reply_submitted.v1"] = "pledge.portal.reply_submitted.v1"
    ticket_id: UUID
    requester: Contact
    text: str = ""
    fields: dict[str, FieldText] = Field(default_factory=dict, description="Information asked for.")
    wants_reopening: bool = Field(default=False, description="Pressed `reopen` (SIG-08).")
    attachments: tuple[AttachmentRef, ...] = ()


class FeedbackSubmitted(ChannelEvent):
    """The requester rated a ticket, praised or complained (INF-10 to INF-12)."""

    TOPIC: ClassVar[Topic] = Topic.CHANNEL_PORTAL
    type: Literal["pledge.portal.feedback_submitted.v1"] = "pledge.portal.feedback_submitted.v1"
    ticket_id: UUID
    requester: Contact
    rating: int | None = Field(default=None, ge=1, le=5, description="1 worst, 5 best.")
    text: str = ""
    is_complaint: bool = False


class MaintenanceWindowSubmitted(ChannelEvent):
    """A customer set or took back a maintenance window of their own (INF-09)."""

    TOPIC: ClassVar[Topic] = Topic.CHANNEL_PORTAL
    type: Literal["pledge.portal.maintenance_window_submitted.v1"] = (
        "pledge.portal.maintenance_window_submitted.v1"
    )
    customer: str
    requester: Contact
    starts_at: Instant
    ends_at: Instant
    note: Line = ""
    is_withdrawn: bool = False
    window_id: UUID | None = Field(
        default=None, description="The window that is replaced or withdrawn; None: a new one."
    )


EVENTS: tuple[type[Event], ...] = (
    EmailMessageReceived,
    ChatMessageReceived,
    ChatEnded,
    CallReceived,
    CallAnswered,
    CallEnded,
    VoicemailLeft,
    VoicemailTranscribed,
    FormSubmitted,
    ReplySubmitted,
    FeedbackSubmitted,
    MaintenanceWindowSubmitted,
)
