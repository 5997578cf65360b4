"""What the API takes and shows: tickets, facts, and the body of each command.

The bodies are made from the commands' declarations (`intake.domain.command_registry`): a field of a
command is a field of its body, unless it is internal.
"""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Final, Literal, get_type_hints
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    create_model,
)

from intake.domain.admission.open_for_client import ClientRequest
from intake.domain.command_fields import Channel, Line, LongText, Name, Subject
from intake.domain.commands import Command, declarations
from intake.domain.mail_states import MailState
from intake.domain.matrix import Origin
from intake.domain.misuse import Misuse
from intake.domain.participants import MAX_PARTICIPANTS
from intake.domain.request_details import RequestDetails
from intake.domain.services import Offer
from intake.domain.text import storable
from intake.domain.ticket import Ticket
from intake.domain.ticket_parts import AgreedDue, Feedback, Link, Meeting, Milestone
from intake.domain.windows import Window
from pledge.events import Actor, Contact, Instant
from pledge.runtime.instants import Timestamp


class Requester(BaseModel):
    """Who asks; at least one way to answer is needed."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(default=None, max_length=200)
    email: str | None = Field(default=None, max_length=254, pattern=r"^[^@\s<>]+@[^@\s<>]+$")
    phone: str | None = Field(default=None, pattern=r"^\+[0-9]{5,15}$", description="E.164.")
    chat: str | None = Field(default=None, max_length=200)
    zone: str | None = Field(default=None, max_length=60, description="IANA zone.")
    language: str | None = Field(default=None, pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,3}$")


_REQUEST_DETAILS = dataclasses.fields(RequestDetails)


class TicketView(BaseModel):
    """A ticket as it stands. ``allowed`` names what can be done with it now."""

    id: UUID
    desk: str
    number: str
    state: str
    severity: str | None
    priority: str | None
    impact: str | None = Field(description="How far it reaches, as the desk's file names it.")
    urgency: str | None = Field(description="How soon it has to be mended, likewise.")
    origin: Origin = Field(
        description="How the severity (or priority, if the desk's matrix gives that) came about."
    )
    requested_severity: str | None = Field(description="As the requester chose (INF-01).")
    requested_priority: str | None
    assessed_by: Actor | None = Field(description="Who last changed severity or priority.")
    assessed_why: str
    subject: str
    channel: str
    line: str | None
    requester: Contact
    participants: tuple[Contact, ...]
    plan: str | None
    product: str | None
    customer: str | None
    is_trial: bool
    is_urgent: bool
    missing: tuple[str, ...]
    information: dict[str, str] = Field(description="What is known of what the request needs.")
    entitled: bool | None = Field(description="Whether the requester may ask; null: no rule.")
    scope: str | None
    scope_rule: str | None
    circumvention: str | None
    misuse: Misuse | None = Field(description="Of the line that it came by (SMS-05).")
    assignee: Actor | None
    team: str | None = Field(description="The team that has it.")
    incident_id: UUID | None
    unanswered_attempts: int
    reply_to: str | None
    opened_at: Timestamp
    changed_at: Timestamp
    heard_at: Timestamp | None
    resolved_at: Timestamp | None
    closed_at: Timestamp | None
    reported_at: Timestamp | None
    links: tuple[Link, ...]
    feedback: tuple[Feedback, ...]
    meetings: tuple[Meeting, ...]
    milestones: tuple[Milestone, ...]
    agreed: tuple[AgreedDue, ...] = Field(description="Due times agreed with the customer.")
    offers: tuple[Offer, ...] = Field(description="Billable work that was offered (VIR-15).")
    windows: tuple[Window, ...] = Field(description="Maintenance of the customer (INF-09).")
    sequence: int
    allowed: tuple[str, ...]


def view(ticket: Ticket) -> TicketView:
    """The API's view of a ticket."""
    details = {each.name: getattr(ticket.request_details, each.name) for each in _REQUEST_DETAILS}
    del details["requirement"]
    return TicketView(
        subject=ticket.subject_line,
        allowed=ticket.allowed,
        **details,
        **{
            name: getattr(ticket, name)
            for name in TicketView.model_fields
            if name not in {"subject", "allowed", *details}
        },
    )


class TicketPage(BaseModel):
    """Tickets, newest first; ``next`` is the cursor of the following page, or null."""

    items: list[TicketView]
    next: str | None


class FactView(BaseModel):
    """One fact of a ticket: ``data`` is the event as it was published."""

    sequence: int
    event_id: str
    type: str
    occurred_at: Timestamp
    text: str | None = Field(description="The whole text, where the event repeats only a part.")
    data: dict[str, Any]


class FileView(BaseModel):
    """A file of a ticket, or a message as it came. What it is called and said to be is its sender's
    word."""

    id: str = Field(description="Names it among the ticket's: `3-0`, or `3-message`.")
    sequence: int = Field(description="Of the fact that it came with.")
    is_message: bool = Field(description="The whole message as it came, not one of its files.")
    name: str = Field(description="Without a path.")
    content_type: str
    size: int = Field(description="Bytes.")
    size_in_words: str
    sha256: str
    is_inline: bool = Field(description="Shown within the text by its sender.")
    content_id: str | None = Field(description="By which the HTML of its mail names it.")
    has_preview: bool = Field(description="`/preview` may show it as a picture.")
    infected_with: str | None = Field(description="What the virus scanner found in it.")


class FileList(BaseModel):
    """A ticket's files in the order of its facts."""

    items: list[FileView]


class MessageHtml(BaseModel):
    """A mail's HTML, made safe to be shown in a page."""

    markup: str
    remote_pictures: int = Field(description="That were left out of it.")


class UploadView(BaseModel):
    """A file that was uploaded, to be named in `files` of a reply or a note within some days."""

    id: UUID
    name: str
    size: int


class UploadList(BaseModel):
    """Files that were uploaded."""

    items: list[UploadView]


class MailView(BaseModel):
    """What became of one mail about a ticket, to one recipient."""

    email_id: UUID = Field(description="As in the fact that asked for the mail.")
    recipient: str
    state: MailState
    reason: str = Field(description="Why it did not arrive, by name or RFC 3463 code.")
    detail: str = Field(description="What the other side said.")
    at: Timestamp


class MailList(BaseModel):
    """The mails of which there is word, oldest word first; one that is not among them waits."""

    items: list[MailView]


class FactPage(BaseModel):
    """A ticket's facts in order."""

    items: list[FactView]
    next: str | None


class Accepted(BaseModel):
    """The delivery is safe; its ticket follows."""

    desk: str
    channel: str
    delivery: str


def contact_of(person: Requester) -> Contact:
    """The person as events carry them."""
    clean = {name: storable(value) for name, value in person if value is not None}
    return Contact(**{**clean, "email": (clean.get("email") or "").lower() or None})


class ForClientBody(BaseModel):
    """A ticket opened on a client's behalf (SIG-09). `occurred_at` is when the client asked."""

    model_config = ConfigDict(extra="forbid")

    desk: str = Field(max_length=63)
    subject: Subject
    text: LongText = ""
    requester: Requester
    participants: Annotated[tuple[Requester, ...], Field(max_length=MAX_PARTICIPANTS)] = ()
    channel: Literal[Channel, "agent"] = "agent"
    severity: Name | None = None
    priority: Name | None = None
    impact: Name | None = None
    urgency: Name | None = None
    plan: Name | None = None
    product: Line | None = None
    customer: Line | None = None
    occurred_at: Instant | None = None

    def client(self) -> ClientRequest:
        """What the domain opens a ticket from."""
        return ClientRequest(
            requester=contact_of(self.requester),
            subject_line=self.subject,
            text=self.text,
            channel=self.channel,
            participants=tuple(contact_of(each) for each in self.participants),
            severity=self.severity,
            priority=self.priority,
            impact=self.impact,
            urgency=self.urgency,
            plan=self.plan,
            product=self.product or None,
            customer=self.customer or None,
        )


class CommandBody(BaseModel):
    """What an agent sends. ``occurred_at`` is when it happened, if that was not just now."""

    model_config = ConfigDict(extra="forbid")

    command_type: ClassVar[type[Command]]

    occurred_at: Instant | None = None
    seen: int | None = Field(
        default=None,
        ge=1,
        le=2**31 - 1,
        description="`sequence` of the ticket as the agent read it. If somebody else answered, or "
        "the requester wrote, since then, nothing is done: 409 `moved_on`.",
    )

    def command(self) -> Command:
        """The command for the domain."""
        fields = {name: getattr(self, name) for name in type(self).model_fields}
        del fields["occurred_at"], fields["seen"]
        return self.command_type(**fields)


_PERSON: Final = Annotated[Requester, AfterValidator(contact_of)]


def _body_of(action: str, command: type[Command]) -> type[CommandBody]:
    """The body of a command: its fields with their bounds, described by its docstring."""
    types = get_type_hints(command, include_extras=True)
    fields: dict[str, Any] = {}
    for each in dataclasses.fields(command):
        if "internal" in each.metadata:
            continue
        # A person comes as the API describes people.
        taken = _PERSON | None if types[each.name] == Contact | None else types[each.name]
        if each.default_factory is not dataclasses.MISSING:
            fields[each.name] = (taken, Field(default_factory=each.default_factory))
        else:
            is_required = each.default is dataclasses.MISSING
            fields[each.name] = (taken, ... if is_required else each.default)
    # `contact-attempts` takes one ContactAttempt.
    name = "".join(word.capitalize() for word in action.removesuffix("s").split("-"))
    body = create_model(f"{name}Body", __base__=CommandBody, __doc__=command.__doc__, **fields)
    body.command_type = command
    return body


BODIES: Final[Mapping[str, type[CommandBody]]] = MappingProxyType(
    {
        action: _body_of(action, each.command)
        for action, each in declarations().items()
        if not each.is_internal
    }
)
"""What is sent with each action of an agent."""
