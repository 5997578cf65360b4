"""A delivery that opens a ticket."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from intake.domain.admission.request import Line, Request
from intake.domain.admission.rules import INTAKE, admit, read_request
from intake.domain.command_registry import State
from intake.domain.commands.conversation import RecordReply, requested_events
from intake.domain.commands.reviews import delivered_feedback, record_feedback
from intake.domain.desk import Classification, Desk, FeedbackKind, classify
from intake.domain.joining import is_forged
from intake.domain.participants import with_added
from intake.domain.request_details import NO_DETAILS, RequestDetails
from intake.domain.thread_matching import Delivery
from intake.domain.ticket import CommandContext, Decision, Ticket, opened_with
from pledge.events import (
    Actor,
    AttachmentRef,
    CallAnswered,
    CallEnded,
    CallReceived,
    ChannelEvent,
    ChatEnded,
    ChatMessageReceived,
    Contact,
    EmailMessageReceived,
    FormSubmitted,
    ForwardedMail,
    Noted,
    PhoneEvent,
    TicketEvent,
    TicketOpened,
    VoicemailLeft,
    VoicemailTranscribed,
)


@dataclass(frozen=True, slots=True)
class Content:
    """What a channel event says, in the terms of a ticket."""

    requester: Contact
    subject_line: str
    text: str
    line: Line | None
    is_urgent: bool = False
    wants_callback: bool = False
    participants: tuple[Contact, ...] = ()
    form: str | None = None
    message_id: str | None = None
    is_answerable: bool = True
    follows_up: UUID | None = None
    severity: str | None = None
    priority: str | None = None
    impact: str | None = None
    urgency: str | None = None
    plan: str | None = None
    product: str | None = None
    customer: str | None = None
    is_trial: bool = False
    attachments: tuple[AttachmentRef, ...] = ()
    opened_by: Actor | None = None
    comment: str = ""


def content_of(event: ChannelEvent, desk: Desk) -> Content:
    """What the event says; an event without words says who it came from."""
    reader = _READERS.get(type(event))
    return reader(event, desk) if reader else Content(Contact(), "", "", None)


def _email(event: ChannelEvent, desk: Desk) -> Content:
    assert isinstance(event, EmailMessageReceived)
    if event.forwarded is not None and desk.is_staff(event.sender.email) and not is_forged(event):
        return _passed_on(event, event.forwarded, desk)
    people = with_added(
        event.sender, (), copied_in(event, event.sender, desk), desk.participants.most
    )
    return Content(
        requester=event.sender,
        subject_line=event.subject_line or "(no subject)",
        text=event.text,
        line=desk.line_of(event.recipients),
        participants=people,
        message_id=event.mail_message_id,
        attachments=event.attachments,
        is_answerable=event.sender.email is not None,
    )


def _passed_on(event: EmailMessageReceived, forwarded: ForwardedMail, desk: Desk) -> Content:
    """A mail that the desk's own people pass on is the request of whoever wrote it."""
    return Content(
        requester=forwarded.sender,
        subject_line=forwarded.subject_line or event.subject_line or "(no subject)",
        text=forwarded.text or event.text,
        line=desk.line_of(event.recipients),
        attachments=event.attachments,
        is_answerable=forwarded.sender.email is not None,
        opened_by=Actor(kind="agent", id=event.sender.email or "", name=event.sender.name),
        comment=forwarded.comment,
    )


def copied_in(event: ChannelEvent, requester: Contact, desk: Desk) -> tuple[str, ...]:
    """The addressees of a mail whom the requester's side may bring in (SIG-03)."""
    if not isinstance(event, EmailMessageReceived):
        return ()
    named = dict.fromkeys(event.to + event.cc)
    return tuple(each for each in named if desk.may_copy(requester, each))


def _chat(event: ChannelEvent, desk: Desk) -> Content:
    assert isinstance(event, ChatMessageReceived)
    sender = event.sender
    first_line = event.text.strip().partition("\n")[0][:100]
    return Content(
        requester=sender,
        subject_line=event.subject_line or first_line or "Chat",
        text=event.text,
        line=Line(event.line) if event.line else None,
        attachments=event.attachments,
        is_answerable=has_way_back(sender, event.has_contact_details),
    )


def has_way_back(person: Contact, is_reachable: bool) -> bool:
    """Whether somebody who chats can be reached later; a session of the chat ends with it, unless
    the gateway says that it is a lasting one (SIS-04)."""
    return is_reachable or bool(person.email or person.phone)


def _chat_ended(event: ChannelEvent, desk: Desk) -> Content:
    assert isinstance(event, ChatEnded)
    text = "The visitor left contact details and no message."
    return Content(event.requester, "Chat without a message", text, None)


def _phone(event: ChannelEvent, desk: Desk) -> Content:
    assert isinstance(event, PhoneEvent)
    line = desk.phone_line(event.line, event.extension)
    who = event.caller.name or event.caller.phone or "an unknown number"
    urgent, choice, text, what = False, None, "", "Call"
    callback = False
    if isinstance(event, CallReceived):
        urgent, choice = event.is_urgent, event.menu_choice
    elif isinstance(event, VoicemailLeft):
        urgent, choice, what, callback = event.is_urgent, event.menu_choice, "Voicemail", True
        text = voicemail_text(event)
    elif isinstance(event, VoicemailTranscribed):
        text, what = event.text, "Voicemail"
    elif isinstance(event, CallAnswered):
        text = f"Answered by {event.answered_by}."
    elif isinstance(event, CallEnded):
        text = f"Answered by {event.answered_by}." if event.answered_by else "Nobody answered."
    return Content(
        requester=event.caller,
        subject_line=f"{what} from {who}",
        text=text,
        line=line,
        is_urgent=urgent or choice in line.urgent_menu_choices,
        wants_callback=callback,
    )


def voicemail_text(event: VoicemailLeft) -> str:
    """A voicemail in words: how long, and where to hear it."""
    length = "" if event.duration is None else f" of {round(event.duration.total_seconds())} s"
    where = f"\nRecording: {event.recording_url}" if event.recording_url else ""
    return f"Voicemail{length}.{where}"


def _form(event: ChannelEvent, desk: Desk) -> Content:
    assert isinstance(event, FormSubmitted)
    fields = "\n".join(f"{name}: {value}" for name, value in event.fields.items())
    return Content(
        requester=event.requester,
        subject_line=event.subject_line or event.form,
        text="\n\n".join(part for part in (event.text, fields) if part),
        line=Line(event.form),
        form=event.form,
        follows_up=event.follows_up,
        severity=event.severity,
        priority=event.priority,
        impact=event.impact,
        urgency=event.urgency,
        plan=event.plan,
        product=event.product,
        customer=event.customer,
        is_trial=event.is_trial,
        attachments=event.attachments,
    )


# By class: a chain of isinstance on pydantic's classes costs more than the rest of the function.
_READERS: Final[Mapping[type[ChannelEvent], Callable[[ChannelEvent, Desk], Content]]] = {
    EmailMessageReceived: _email,
    ChatMessageReceived: _chat,
    ChatEnded: _chat_ended,
    CallReceived: _phone,
    CallAnswered: _phone,
    CallEnded: _phone,
    VoicemailLeft: _phone,
    VoicemailTranscribed: _phone,
    FormSubmitted: _form,
}


def happened_at(delivery: Delivery, now: datetime) -> datetime:
    """When the delivery was received; at most `now`, whatever the provider's clock says."""
    return min(delivery.event.occurred_at, now)


def open_ticket(
    delivery: Delivery, *, ticket_id: UUID, number: str, reply_to: str, now: datetime
) -> Decision:
    """The ticket that the delivery opens, with the facts of its opening."""
    desk, event = delivery.desk, delivery.event
    content, feedback_kind = _understood(content_of(event, desk), desk)
    request, reading = _request(delivery, content), None
    if desk.has_admission_rules:
        reading = read_request(desk, event, request)
        request = reading.request
        if is_forged(event):
            reading = replace(reading, is_forged=True)
    kind = classify(desk, request)
    ticket = _ticket(
        delivery, content, kind, ticket_id=ticket_id, number=number, reply_to=reply_to, now=now
    )
    facts = {
        "desk": desk.id,
        "ticket_id": ticket_id,
        "ticket_number": number,
        "occurred_at": ticket.opened_at,
        "recorded_at": now,
    }
    further = _further_requests(delivery, content, kind.is_urgent, facts)
    if further:
        ticket = replace(ticket, sequence=ticket.sequence + len(further))
    # Feedback is no request: nothing is required of it, and everybody may give it.
    if reading is not None and feedback_kind is None:
        ticket, decided = admit(ticket, reading, desk, facts)
        ticket = replace(ticket, sequence=ticket.sequence + len(decided))
        further += decided
    opened = _opened(ticket, delivery, content, facts)
    decision = Decision(ticket, (opened, *further), f"opened_by_{ticket.channel}")
    return _as_feedback(decision, delivery, content, feedback_kind, now)


def _ticket(
    delivery: Delivery, content: Content, kind: Classification,
    *, ticket_id: UUID, number: str, reply_to: str, now: datetime,
) -> Ticket:  # fmt: skip
    """The ticket as its first fact makes it."""
    desk, opened_at = delivery.desk, happened_at(delivery, now)
    return Ticket(
        id=ticket_id,
        desk=desk.id,
        number=number,
        state=State.OPEN,
        sequence=1,
        subject_line=content.subject_line,
        channel=delivery.channel,
        requester=content.requester,
        opened_at=opened_at,
        changed_at=now,
        severity=kind.severity,
        priority=kind.priority,
        plan=kind.plan,
        product=kind.product,
        customer=kind.customer,
        line=content.line.name if content.line else None,
        language=content.requester.language or desk.language,
        reply_to=reply_to,
        is_trial=kind.is_trial,
        is_urgent=kind.is_urgent,
        participants=content.participants,
        heard_at=opened_at,
        message_id=content.message_id,
        request_details=_chosen(kind, is_from_machine=delivery.is_news),
    )


def _understood(content: Content, desk: Desk) -> tuple[Content, FeedbackKind | None]:
    """The content with the requester's zone, and whether it is feedback, by its line or form."""
    person = desk.placed(content.requester)
    if person is not content.requester:
        content = replace(content, requester=person)
    kind = desk.feedback_kind(content.line, content.form)
    if kind is not None and content.form is None:
        content = replace(content, form=kind)
    return content, kind


def _as_feedback(
    decision: Decision,
    delivery: Delivery,
    content: Content,
    kind: FeedbackKind | None,
    now: datetime,
) -> Decision:
    """The opening, with what it says about the desk's work, if that is what came (INF-11)."""
    if kind is None:
        return decision
    ticket, desk = decision.ticket, delivery.desk
    said = delivered_feedback(
        delivery.key, delivery.channel, content.requester, content.text,
        desk=desk, is_complaint=kind is FeedbackKind.COMPLAINT,
    )  # fmt: skip
    more = record_feedback(ticket, said, CommandContext(desk, INTAKE, ticket.opened_at, now))
    return Decision(more.ticket, (*decision.events, *more.events), f"opened_by_{kind}")


def _chosen(kind: Classification, *, is_from_machine: bool) -> RequestDetails:
    details = RequestDetails(
        requested_severity=kind.requested_severity,
        requested_priority=kind.requested_priority,
        impact=kind.impact,
        urgency=kind.urgency,
        origin=kind.origin,
        is_from_machine=is_from_machine,
    )
    return NO_DETAILS if details == NO_DETAILS else details


def _request(delivery: Delivery, content: Content) -> Request:
    return Request(
        channel=delivery.channel,
        line=content.line,
        subject=content.subject_line,
        requester_address=content.requester.email,
        form=content.form,
        is_urgent=content.is_urgent,
        severity=content.severity,
        priority=content.priority,
        impact=content.impact,
        urgency=content.urgency,
        plan=content.plan,
        product=content.product,
        customer=content.customer,
        is_trial=content.is_trial,
        text=content.text,
    )


def _opened(
    ticket: Ticket, delivery: Delivery, content: Content, facts: Mapping[str, Any]
) -> TicketOpened:
    event = delivery.event
    return TicketOpened(
        **facts,
        **opened_with(ticket),
        text=content.text,
        attachments=content.attachments,
        authentication=event.authentication,
        delivery=event.delivery,
        mail_message_id=ticket.message_id,
        line=ticket.line,
        form=content.form,
        is_answerable=content.is_answerable,
        is_from_machine=ticket.request_details.is_from_machine,
        is_complete=not ticket.missing,
        missing=ticket.missing,
        scope=ticket.request_details.scope,
        follows_up=content.follows_up,
        opened_by=content.opened_by,
    )


def _further_requests(
    delivery: Delivery, content: Content, is_urgent: bool, facts: Mapping[str, Any]
) -> list[TicketEvent]:
    escalates_to = content.line.escalates_to if content.line else None
    said: list[TicketEvent] = []
    if content.opened_by is not None and content.comment:
        said.append(Noted(**facts, by=content.opened_by, text=content.comment))
    if not content.wants_callback and escalates_to is None:
        return said
    heard = RecordReply(
        by=content.requester,
        channel=delivery.channel,
        delivery=delivery.event.delivery,
        text=content.text,
        line=content.line.name if content.line else None,
        is_urgent=is_urgent,
        callback=content.wants_callback,
        escalates_to=escalates_to,
    )
    return said + requested_events(heard, facts)
