"""Applies a delivery to the ticket that it belongs to."""

from dataclasses import replace
from datetime import datetime

from intake.domain.admission.open_ticket import (
    content_of,
    copied_in,
    happened_at,
    has_way_back,
    voicemail_text,
)
from intake.domain.admission.rules import INTAKE, add_information
from intake.domain.command_registry import FINISHED, Command
from intake.domain.commands import decide
from intake.domain.commands.conversation import Note, RecordReply, Reply
from intake.domain.commands.reviews import delivered_feedback, record_feedback
from intake.domain.desk import FeedbackKind
from intake.domain.mail_answers import particular_answer, told_of
from intake.domain.thread_matching import Delivery
from intake.domain.ticket import CommandContext, Decision, Ticket, done, fact_fields
from pledge.events import (
    Actor,
    CallAnswered,
    CallbackRequested,
    CallEnded,
    CallReceived,
    ChatEnded,
    ChatMessageReceived,
    Contact,
    ContactAttempted,
    EmailMessageReceived,
    FeedbackSubmitted,
    InformationCompleted,
    Noted,
    ParticipantsChanged,
    PhoneEvent,
    ReplySubmitted,
    VoicemailLeft,
    VoicemailTranscribed,
)


def apply_delivery(ticket: Ticket, delivery: Delivery, *, now: datetime) -> Decision:
    """Apply the delivery to its ticket. Total: one that says nothing new about the ticket gives a
    decision without events."""
    event = delivery.event
    context = CommandContext(delivery.desk, INTAKE, happened_at(delivery, now), now)
    if delivery.ignored is not None:
        return _not_from_requester(ticket, delivery, context)
    if isinstance(event, ReplySubmitted):
        return _portal_reply(ticket, delivery, event, context)
    if isinstance(event, FeedbackSubmitted):
        return _feedback(ticket, delivery, event, context)
    if isinstance(event, ChatEnded):
        nothing = Decision(ticket, (), "nothing_new")
        return _left_details(nothing, event.requester, event.has_contact_details, context)
    if isinstance(event, PhoneEvent):
        return _phoned(ticket, delivery, event, context)
    if (given_by_mail := _mailed_feedback(ticket, delivery, context)) is not None:
        return given_by_mail
    if isinstance(event, ChatMessageReceived):
        written = _with_information(
            _decided(ticket, _reply_of(ticket, delivery), context), delivery, context
        )
        return _left_details(written, event.sender, event.has_contact_details, context)
    if isinstance(event, EmailMessageReceived):
        return _mailed(ticket, delivery, event, context)
    return Decision(ticket, (), "nothing_new")  # the form that opened it, once more


def _mailed(
    ticket: Ticket, delivery: Delivery, event: EmailMessageReceived, context: CommandContext
) -> Decision:
    if _is_from_staff(ticket, event, delivery):
        return _staff_wrote(ticket, event, delivery, context)
    if (answered := particular_answer(ticket, event, context)) is not None:
        return answered
    return _with_information(
        _decided(ticket, _reply_of(ticket, delivery), context), delivery, context
    )


def _decided(ticket: Ticket, command: Command, context: CommandContext) -> Decision:
    decision = decide(ticket, command, context)
    if isinstance(decision, Decision):
        return decision
    return Decision(ticket, (), str(decision.reason))


def _reply_of(ticket: Ticket, delivery: Delivery) -> RecordReply:
    content = content_of(delivery.event, delivery.desk)
    return RecordReply(
        by=content.requester,
        channel=delivery.channel,
        delivery=delivery.event.delivery,
        text=content.text,
        line=content.line.name if content.line else None,
        is_urgent=content.is_urgent or (content.line is not None and content.line.is_urgent),
        # Who keys in a number has not shown that it is theirs to know.
        joins=delivery.named == ticket.id and delivery.channel != "phone",
        callback=content.wants_callback,
        escalates_to=content.line.escalates_to if content.line else None,
        message_id=content.message_id,
        authentication=delivery.event.authentication,
        copied=copied_in(delivery.event, ticket.requester, delivery.desk),
        attachments=content.attachments,
    )


def _is_from_staff(ticket: Ticket, event: EmailMessageReceived, delivery: Delivery) -> bool:
    address = event.sender.email
    if address is None or not delivery.desk.is_staff(address):
        return False
    return address.lower() != (ticket.requester.email or "").lower()


def _staff_wrote(
    ticket: Ticket, event: EmailMessageReceived, delivery: Delivery, context: CommandContext
) -> Decision:
    """The desk's own people answer with their mail program: their words go on to the requester if
    the mail came to the ticket's signed address, or the border vouches for its sender. Otherwise
    they are kept within the desk: anybody can write such a sender."""
    sender = event.sender
    agent = Actor(kind="agent", id=sender.email or "", name=sender.name)
    by_agent = replace(context, by=agent, occurred_at=max(context.occurred_at, ticket.opened_at))
    is_proved = delivery.named == ticket.id or event.authentication.result == "passed"
    words = event.visible_text if event.visible_text is not None else event.text
    if not (is_proved and words.strip()):
        kept = Note(text=event.text or event.subject_line, attachments=event.attachments)
        return _decided(ticket, kept, by_agent)
    return _decided(ticket, Reply(text=words, attachments=event.attachments), by_agent)


def _not_from_requester(ticket: Ticket, delivery: Delivery, context: CommandContext) -> Decision:
    """An agent in the chat is a reply; a machine's mail is kept as a note and reopens nothing."""
    event = delivery.event
    if isinstance(event, ChatMessageReceived) and event.sender_kind == "agent":
        sender = event.sender
        who = sender.email or sender.chat or sender.name or "agent"
        agent = Actor(kind="agent", id=who, name=sender.name)
        by_agent = replace(
            context, by=agent, occurred_at=max(context.occurred_at, ticket.opened_at)
        )
        return _decided(ticket, _agents_words(event), by_agent)
    if isinstance(event, ChatMessageReceived) and event.sender_kind == "note":
        by = Actor(kind="system", id=event.sender.chat or "chat", name=event.sender.name)
        note = Noted(**fact_fields(ticket, context), by=by, text=event.text)
        return done(ticket, context, "chat_note", note)
    if isinstance(event, EmailMessageReceived):
        told = told_of(event)
        text = f"{event.subject_line}\n\n{event.text}"
        text = f"{told}\n\n{text}" if told else text
        by = Actor(kind="machine", id=event.sender.email or "unknown", name=event.sender.name)
        note = Noted(
            **fact_fields(ticket, context), by=by, text=text, attachments=event.attachments
        )
        return done(ticket, context, delivery.ignored or "machine", note)
    return Decision(ticket, (), delivery.ignored or "ignored")


def _agents_words(event: ChatMessageReceived) -> Reply:
    return Reply(text=event.text, channel="chat", attachments=event.attachments)


def _portal_reply(
    ticket: Ticket, delivery: Delivery, event: ReplySubmitted, context: CommandContext
) -> Decision:
    fields = "\n".join(f"{name}: {value}" for name, value in event.fields.items())
    text = "\n\n".join(part for part in (event.text, fields) if part)
    command = RecordReply(
        by=event.requester,
        channel="portal",
        delivery=event.delivery,
        text=text,
        joins=True,
        attachments=event.attachments,
    )
    return _with_information(_decided(ticket, command, context), delivery, context)


def _with_information(decision: Decision, delivery: Delivery, context: CommandContext) -> Decision:
    """The decision, with the information that the delivery adds to the request."""
    event = delivery.event
    by = getattr(event, "requester", None) or getattr(event, "sender", None) or Contact()
    ticket, events = add_information(
        decision.ticket, event, by, delivery.desk, fact_fields(decision.ticket, context)
    )
    if not events:
        return replace(decision, ticket=ticket)
    ticket = replace(ticket, sequence=ticket.sequence + len(events))
    completed = any(isinstance(each, InformationCompleted) for each in events)
    reason = "information_completed" if completed else decision.reason
    return Decision(ticket, (*decision.events, *events), reason)


def _feedback(
    ticket: Ticket, delivery: Delivery, event: FeedbackSubmitted, context: CommandContext
) -> Decision:
    said = delivered_feedback(
        delivery.key, "portal", event.requester, event.text,
        desk=delivery.desk, is_complaint=event.is_complaint, rating=event.rating,
    )  # fmt: skip
    return record_feedback(ticket, said, context)


def _mailed_feedback(
    ticket: Ticket, delivery: Delivery, context: CommandContext
) -> Decision | None:
    """A mail to an address for feedback is about the ticket it answers to, and reopens nothing;
    unless it goes on with what began there, or answers to the ticket's own address."""
    event = delivery.event
    if delivery.named is not None or not isinstance(event, EmailMessageReceived):
        return None
    line = delivery.desk.line_of(event.recipients)
    kind = delivery.desk.feedback_kind(line, None)
    if kind is None or line is None or line.name == ticket.line:
        return None
    said = delivered_feedback(
        delivery.key, "email", event.sender, event.text,
        desk=delivery.desk, is_complaint=kind is FeedbackKind.COMPLAINT,
    )  # fmt: skip
    return record_feedback(ticket, said, context)


def _left_details(
    decision: Decision, details: Contact, is_reachable: bool, context: CommandContext
) -> Decision:
    """Contact details left during or at the end of a chat complete what is known of the requester;
    from then on there is somebody to answer (SIS-04)."""
    ticket = decision.ticket
    known = ticket.requester
    new = {name: value for name, value in details.model_dump().items() if value is not None}
    requester = known.model_copy(update=new)
    if requester == known:
        return decision
    event = ParticipantsChanged(
        **fact_fields(ticket, context),
        requester=requester,
        participants=ticket.participants,
        by=context.by,
        is_answerable=has_way_back(requester, is_reachable) or None,
    )
    result = done(ticket, context, "contact_details_left", event)
    events = (*decision.events, *result.events)
    return Decision(replace(result.ticket, requester=requester), events, result.reason)


def _phoned(
    ticket: Ticket, delivery: Delivery, event: PhoneEvent, context: CommandContext
) -> Decision:
    """Apply a call to its ticket. One about a ticket that it names is a reply by phone (SIS-09)."""
    if isinstance(event, CallAnswered | CallEnded):
        return _call_answered(ticket, event.answered_by, context)
    if delivery.named == ticket.id:
        return _decided(ticket, _reply_of(ticket, delivery), context)
    if delivery.is_redial and isinstance(event, CallReceived):
        again = replace(_reply_of(ticket, delivery), text="Called again.")
        return _decided(ticket, again, context)
    if isinstance(event, VoicemailLeft | VoicemailTranscribed):
        return _voicemail(ticket, delivery, event, context)
    return Decision(ticket, (), "nothing_new")  # the call that opened it, once more


def _call_answered(ticket: Ticket, answered_by: str | None, context: CommandContext) -> Decision:
    """A call that an agent answered reached the customer."""
    if answered_by is None:
        return Decision(ticket, (), "nothing_new")
    by = Actor(kind="agent", id=answered_by)
    reached = ContactAttempted(
        **fact_fields(ticket, context),
        by=by,
        channel="phone",
        reached=True,
        note="The call was answered.",
    )
    return done(ticket, context, "call_answered", reached)


def _voicemail(
    ticket: Ticket,
    delivery: Delivery,
    event: VoicemailLeft | VoicemailTranscribed,
    context: CommandContext,
) -> Decision:
    """Call, voicemail and its text come in any order and are one ticket. They reopen it only when
    it was finished meanwhile."""
    if isinstance(event, VoicemailTranscribed):
        note = Noted(**fact_fields(ticket, context), by=context.by, text=event.text)
        return done(ticket, context, "voicemail_transcribed", note)
    if ticket.state in FINISHED:
        return _decided(ticket, _reply_of(ticket, delivery), context)
    content = content_of(event, delivery.desk)
    is_urgent = (
        ticket.is_urgent or content.is_urgent or bool(content.line and content.line.is_urgent)
    )
    callback = CallbackRequested(
        **fact_fields(ticket, context),
        by=event.caller,
        phone=event.caller.phone,
        is_urgent=is_urgent,
    )
    note = Noted(**fact_fields(ticket, context), by=context.by, text=voicemail_text(event))
    result = done(ticket, context, "voicemail_left", callback, note)
    return Decision(replace(result.ticket, is_urgent=is_urgent), result.events, result.reason)
