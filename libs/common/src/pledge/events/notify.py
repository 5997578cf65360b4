"""What notify publishes: how pages went, and what became of mails and messages."""

from typing import Any, ClassVar, Literal
from uuid import UUID

from pydantic import AliasChoices, Field

from pledge.events.event import Event, former_name
from pledge.events.topics import Topic
from pledge.events.values import Actor, Instant, Line


class NotifyEvent(Event):
    """What all events of notify have: what it was about, as far as it was about something."""

    TOPIC: ClassVar[Topic] = Topic.NOTIFY_EVENTS
    ticket_id: UUID | None = None
    incident_id: UUID | None = None
    ticket_number: str | None = Field(
        default=None,
        validation_alias=AliasChoices("ticket_number", "number"),
        description="The ticket's number.",
    )
    number: ClassVar[Any] = former_name("ticket_number")

    def subject(self) -> str:
        """The ticket's id, else the incident's, else the message's own."""
        return str(self.ticket_id or self.incident_id or self.own_id())

    def own_id(self) -> UUID:
        """The id of the page or message itself."""
        raise NotImplementedError


class PageEvent(NotifyEvent):
    """What all events of one page have."""

    page_id: UUID
    policy: str = Field(description="Escalation policy, as the desk's file names it.")
    why: Line = Field(description="What the page says: `VIR-10042 p1 first_response breached`.")
    breach_id: UUID | None = Field(default=None, description="The breach that caused it.")
    step: int = Field(default=0, ge=0, description="Step of the policy, from 0.")
    round: int = Field(default=1, ge=1, description="Pass through the policy, from 1.")

    def own_id(self) -> UUID:
        """The page's id."""
        return self.page_id


class DeliveryOfPage(PageEvent):
    """What all events of one attempt to reach one responder have."""

    responder: str = Field(description="Who is on call, by their name in the desk's file.")
    method: str = Field(description="Open set: voice, sms, push, chat, email, webhook.")
    attempt: int = Field(default=1, ge=1)


class PageSent(DeliveryOfPage):
    """A provider took a message of the page."""

    type: Literal["pledge.page.sent.v1"] = "pledge.page.sent.v1"
    provider_id: str | None = Field(default=None, description="The provider's id of the message.")


class PageDelivered(DeliveryOfPage):
    """A provider says the message reached the responder's device."""

    type: Literal["pledge.page.delivered.v1"] = "pledge.page.delivered.v1"
    provider_id: str | None = None


class PageFailed(DeliveryOfPage):
    """A message of the page could not be delivered."""

    type: Literal["pledge.page.failed.v1"] = "pledge.page.failed.v1"
    reason: str = Field(description="Named reason.")
    detail: Line = ""
    is_permanent: bool = Field(description="No further attempt by this method.")


class PageAcknowledged(PageEvent):
    """Somebody took the page; it escalates no more."""

    type: Literal["pledge.page.acknowledged.v1"] = "pledge.page.acknowledged.v1"
    by: Actor
    method: str = Field(description="How: voice, sms, push, chat, email, web.")


class PageEscalated(PageEvent):
    """Nobody acknowledged in time: the page goes to `step` now."""

    type: Literal["pledge.page.escalated.v1"] = "pledge.page.escalated.v1"
    previous_step: int = Field(ge=0)
    responders: tuple[str, ...] = Field(default=(), description="Who is reached now.")
    reason: str = Field(default="not_acknowledged", description="Named reason.")


class PageExhausted(PageEvent):
    """All steps and rounds went by without an acknowledgement."""

    type: Literal["pledge.page.exhausted.v1"] = "pledge.page.exhausted.v1"


class PageResolved(PageEvent):
    """The page is over: what it was about is done."""

    type: Literal["pledge.page.resolved.v1"] = "pledge.page.resolved.v1"
    by: Actor
    reason: str = Field(
        description="Named reason: resolved, retracted, met_late, misuse, merged, …"
    )


class MessageEvent(NotifyEvent):
    """What all events of one mail, SMS, chat message or webhook call have."""

    message_id: UUID = Field(description="For a mail asked for by intake: its `email_id`.")
    template: str | None = Field(default=None, description="Name of the message template.")
    update_id: UUID | None = Field(default=None, description="The status update that it carries.")
    recipient: str = Field(description="Address, number, channel or URL.")

    def own_id(self) -> UUID:
        """The message's id."""
        return self.message_id


class EmailSent(MessageEvent):
    """A mail server took the mail. Answers to `mail_message_id` belong to the ticket."""

    type: Literal["pledge.email.sent.v1"] = "pledge.email.sent.v1"
    mail_message_id: str = Field(description="Message-ID with its brackets.")


class EmailBounced(MessageEvent):
    """A mail came back after it was taken."""

    type: Literal["pledge.email.bounced.v1"] = "pledge.email.bounced.v1"
    mail_message_id: str | None = None
    status: str = Field(default="", description="RFC 3463 code, such as 5.1.1.")
    detail: Line = ""
    is_permanent: bool = True


class MessageFailed(MessageEvent):
    """What all events of a message given up have."""

    reason: str = Field(description="Named reason.")
    detail: Line = ""
    attempts: int = Field(default=1, ge=1)
    gave_up_at: Instant | None = None


class EmailFailed(MessageFailed):
    """A mail was given up: refused for good, or too often for now."""

    type: Literal["pledge.email.failed.v1"] = "pledge.email.failed.v1"


class SmsSent(MessageEvent):
    """A provider took an SMS that is no page."""

    type: Literal["pledge.sms.sent.v1"] = "pledge.sms.sent.v1"
    provider_id: str | None = None


class SmsFailed(MessageFailed):
    """An SMS that is no page was given up."""

    type: Literal["pledge.sms.failed.v1"] = "pledge.sms.failed.v1"


class ChatPosted(MessageEvent):
    """A chat message was posted."""

    type: Literal["pledge.chat.posted.v1"] = "pledge.chat.posted.v1"
    provider_id: str | None = None


class ChatFailed(MessageFailed):
    """A chat message was given up."""

    type: Literal["pledge.chat.failed.v1"] = "pledge.chat.failed.v1"


class WebhookDelivered(MessageEvent):
    """A subscriber's endpoint took a webhook call."""

    type: Literal["pledge.webhook.delivered.v1"] = "pledge.webhook.delivered.v1"


class WebhookFailed(MessageFailed):
    """A webhook call was given up."""

    type: Literal["pledge.webhook.failed.v1"] = "pledge.webhook.failed.v1"


EVENTS: tuple[type[Event], ...] = (
    PageSent,
    PageDelivered,
    PageFailed,
    PageAcknowledged,
    PageEscalated,
    PageExhausted,
    PageResolved,
    EmailSent,
    EmailBounced,
    EmailFailed,
    SmsSent,
    SmsFailed,
    ChatPosted,
    ChatFailed,
    WebhookDelivered,
    WebhookFailed,
)
