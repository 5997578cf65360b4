"""What is said on a ticket: replies, notes, contact attempts, questions for missing information."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Final, Literal
from uuid import uuid5

from pydantic import Field

from intake.domain.admission.rules import items_of, request_information
from intake.domain.command_fields import INTERNAL, Channel, Files, Line, Name, Text
from intake.domain.command_registry import ANY_STATE, FINISHED, Command, State, command
from intake.domain.desk import Desk
from intake.domain.history_words import Data, Words, joined, person, plain, said
from intake.domain.participants import MAX_PARTICIPANTS, with_added
from intake.domain.ticket import (
    CommandContext,
    Decision,
    Refusal,
    Ticket,
    done,
    fact_fields,
    is_same_person,
    nothing_to_change,
    reopening_fields,
)
from pledge.events import (
    AgentReplied,
    AttachmentRef,
    Authentication,
    CallbackRequested,
    Contact,
    ContactAttempted,
    EmailRequested,
    Escalated,
    InformationCompleted,
    Noted,
    ParticipantsChanged,
    Reopened,
    RequesterReplied,
    TicketEvent,
)

MAILED: Final = frozenset(("email", "portal"))
"""A reply on these channels is sent as a mail."""


def _agent_wrote(data: Data) -> Words:
    agent = data.get("by") or data.get("agent") or {}
    return "Support wrote", str(agent.get("name") or ""), said(data)


def _requester_wrote(data: Data) -> Words:
    return "You or a colleague wrote", person(data.get("by")), said(data)


def _information_missing(data: Data) -> Words:
    missing = joined(str(each).replace("_", " ") for each in data.get("missing") or ())
    return f"Information is missing: {missing}", "", ""


@dataclass(frozen=True, slots=True)
class ReplyRoute:
    """Whom a reply goes to by mail. ``to`` is None where no mail goes out; ``without`` are those of
    the ticket who get none."""

    to: Contact | None
    copies: tuple[Contact, ...]
    without: tuple[Contact, ...]
    subject_line: str


def route_of_reply(ticket: Ticket) -> ReplyRoute:
    """Whom a reply on the ticket goes to by mail: nobody, where the requester has no address."""
    people = (ticket.requester, *ticket.participants)
    subject = _reply_subject(ticket)
    if ticket.requester.email is None:
        return ReplyRoute(None, (), people, subject)
    copies = tuple(each for each in ticket.participants if each.email is not None)
    without = tuple(each for each in people if each.email is None)
    return ReplyRoute(ticket.requester, copies, without, subject)


@command("reply", states=ANY_STATE, history={"agent_replied": _agent_wrote})
@dataclass(frozen=True, slots=True)
class Reply(Command):
    """Words to the requester and the participants; by mail unless said otherwise."""

    text: Text
    channel: Channel = "email"
    is_initial_response: bool = False
    files: Files = ()
    attachments: tuple[AttachmentRef, ...] = field(default=(), metadata=INTERNAL)

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        event = AgentReplied(
            **fact_fields(ticket, context),
            by=context.by,
            channel=self.channel,
            text=self.text,
            attachments=self.attachments,
            to=(ticket.requester, *ticket.participants),
            is_initial_response=self.is_initial_response,
        )
        is_mailed = self.channel in MAILED and not context.is_backdated
        route = route_of_reply(ticket)
        if not is_mailed or route.to is None:
            return done(ticket, context, "agent_replied", event)
        mail = EmailRequested(
            **fact_fields(ticket, context),
            # Derived, so that the same reply asks for the same mail in each replica.
            email_id=uuid5(ticket.id, f"reply {ticket.sequence}"),
            to=(route.to,),
            cc=route.copies,
            template="agent_reply",
            subject_line=route.subject_line,
            text=self.text,
            reply_to=ticket.reply_to,
            in_reply_to=ticket.message_id,
            references=(ticket.message_id,) if ticket.message_id else (),
            attachments=_shared(self.attachments, ticket, context),
            is_urgent=True,
            is_automatic=False,
        )
        return done(ticket, context, "agent_replied", event, mail)


def _shared(
    attachments: tuple[AttachmentRef, ...], ticket: Ticket, context: CommandContext
) -> tuple[AttachmentRef, ...]:
    """The files of a reply, which is the ticket's next fact, with links for its mail."""
    links = context.file_links
    if links is None or not attachments:
        return attachments
    return links.with_urls(attachments, ticket.desk, ticket.id, ticket.sequence + 1, context.now)


def _reply_subject(ticket: Ticket) -> str:
    tag = f"[{ticket.number}]"
    subject = ticket.subject_line if tag in ticket.subject_line else f"{tag} {ticket.subject_line}"
    return subject if subject.lower().startswith("re:") else f"Re: {subject}"


@command("note", states=ANY_STATE)
@dataclass(frozen=True, slots=True)
class Note(Command):
    """Words for the desk's own eyes."""

    text: Text
    files: Files = ()
    attachments: tuple[AttachmentRef, ...] = field(default=(), metadata=INTERNAL)

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        return done(
            ticket,
            context,
            "noted",
            Noted(
                **fact_fields(ticket, context),
                by=context.by,
                text=self.text,
                attachments=self.attachments,
            ),
        )


@command("contact-attempts", states=ANY_STATE)
@dataclass(frozen=True, slots=True)
class AttemptContact(Command):
    """An attempt to reach the customer, answered or not (VIR-08)."""

    reached: bool
    channel: Literal["phone", "email", "chat"] = "phone"
    note: Line = ""

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        event = ContactAttempted(
            **fact_fields(ticket, context),
            by=context.by,
            channel=self.channel,
            reached=self.reached,
            note=self.note,
        )
        attempts = 0 if self.reached else ticket.unanswered_attempts + 1
        return done(ticket, context, "contact_attempted", event, unanswered_attempts=attempts)


@command("request-information", history={"information_requested": _information_missing})
@dataclass(frozen=True, slots=True)
class RequestInformation(Command):
    """What is missing (INF-06)."""

    missing: Annotated[tuple[Line, ...], Field(min_length=1, max_length=50)]

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        if not self.missing:
            return nothing_to_change(
                ticket, "name at least one piece of information that is missing"
            )
        asking = replace(ticket, missing=self.missing)
        events = request_information(
            asking,
            items_of(asking, context.desk),
            context.desk,
            fact_fields(ticket, context),
            context.by,
        )
        return done(ticket, context, "information_requested", *events, missing=self.missing)


@command(
    "complete-information", history={"information_completed": plain("All information is there")}
)
@dataclass(frozen=True, slots=True)
class CompleteInformation(Command):
    """Nothing is missing any more."""

    fields: Annotated[Mapping[Name, Line], Field(max_length=50)] = field(default_factory=dict)

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        if not ticket.missing:
            return nothing_to_change(ticket, "no information is missing")
        known = {**ticket.request_details.information, **self.fields}
        event = InformationCompleted(**fact_fields(ticket, context), fields=known)
        request_details = replace(ticket.request_details, information=known)
        return done(
            ticket,
            context,
            "information_completed",
            event,
            missing=(),
            request_details=request_details,
        )


@command(
    "hear", states=ANY_STATE, is_internal=True, history={"requester_replied": _requester_wrote}
)
@dataclass(frozen=True, slots=True)
class RecordReply(Command):
    """The requester, or somebody in copy, wrote or called again.

    ``by`` joins the participants when ``joins`` says that a signed address proves them invited.
    Those in copy of a participant's mail, ``copied``, join too, as far as the desk lets them.
    ``callback`` asks to be called back, ``escalates_to`` for a manager (VIR-11).
    """

    by: Contact
    channel: str
    delivery: str
    text: str = ""
    line: str | None = None
    is_urgent: bool = False
    joins: bool = False
    callback: bool = False
    escalates_to: str | None = None
    copied: tuple[str, ...] = ()
    message_id: str | None = None
    attachments: tuple[AttachmentRef, ...] = ()
    authentication: Authentication | None = None

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """A reply ends waiting, and reopens what was resolved or closed, at any age (SIG-08).

        The reopening comes first: a closed ticket takes no reply, and what the reply starts, such
        as the promise of an answer, begins on the ticket that is at work again.
        """
        facts = fact_fields(ticket, context)
        is_finished = ticket.state in FINISHED
        events: list[TicketEvent] = []
        if is_finished:
            again = reopening_fields(ticket, context)
            events.append(Reopened(**again, by=context.by, why="the requester replied"))
        events.append(
            RequesterReplied(
                **facts,
                by=self.by,
                channel=self.channel,
                line=self.line,
                delivery=self.delivery,
                text=self.text,
                attachments=self.attachments,
                authentication=self.authentication,
                is_urgent=self.is_urgent,
            )
        )
        participants = _joined(ticket, self, context.desk)
        if participants is not ticket.participants:
            events.append(
                ParticipantsChanged(
                    **facts, requester=ticket.requester, participants=participants, by=context.by
                )
            )
        events += requested_events(self, facts)
        return done(
            ticket, context, "reopened_by_reply" if is_finished else "requester_replied", *events,
            state=State.OPEN,
            participants=participants,
            unanswered_attempts=0,
            heard_at=max(context.occurred_at, ticket.heard_at or context.occurred_at),
            is_urgent=ticket.is_urgent or self.is_urgent,
            message_id=self.message_id or ticket.message_id,
            resolved_at=None if is_finished else ticket.resolved_at,
            closed_at=None if is_finished else ticket.closed_at,
        )  # fmt: skip


def requested_events(command: RecordReply, facts: Mapping[str, Any]) -> list[TicketEvent]:
    """Further requests of a delivery: a call back, a manager."""
    events: list[TicketEvent] = []
    if command.callback:
        events.append(
            CallbackRequested(
                **facts, by=command.by, phone=command.by.phone, is_urgent=command.is_urgent
            )
        )
    if command.escalates_to is not None:
        events.append(
            Escalated(
                **facts,
                by=command.by,
                to=command.escalates_to,
                line=command.line,
                text=command.text,
            )
        )
    return events


def _joined(ticket: Ticket, command: RecordReply, desk: Desk) -> tuple[Contact, ...]:
    participants = ticket.participants
    people = (ticket.requester, *participants)
    is_known = any(is_same_person(command.by, each) for each in people)
    if not is_known and (not command.joins or len(participants) >= MAX_PARTICIPANTS):
        return participants
    if not is_known:
        participants = (*participants, command.by)
    return with_added(ticket.requester, participants, command.copied, desk.participants.most)
