"""A delivery that belongs to a ticket: what it makes of it."""

from dataclasses import replace
from datetime import datetime

from intake.domain import commands as do
from intake.domain.admission import INTAKE, learn
from intake.domain.command_handlers import common, decide, told
from intake.domain.delivery import Delivery
from intake.domain.feedback import Kind, feedback, kind_of
from intake.domain.open_ticket import content_of, happened_at, has_way_back, voicemail_text
from intake.domain.reviews import given
from intake.domain.ticket import FINISHED, Decision, Hand, Ticket
from pledge.events import (
    Actor,
    CallbackRequested,
    CallEnded,
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


def hear(ticket: Ticket, delivery: Delivery, *, now: datetime) -> Decision:
    """What the delivery makes of the ticket it belongs to. Total: one that says nothing new about
    the ticket gives a decision without events."""
    event = delivery.event
    hand = Hand(delivery.desk, INTAKE, happened_at(delivery, now), now)
    if delivery.ignored is not None:
        return _not_from_requester(ticket, delivery, hand)
    if isinstance(event, ReplySubmitted):
        return _portal_reply(ticket, delivery, event, hand)
    if isinstance(event, FeedbackSubmitted):
        return _feedback(ticket, delivery, event, hand)
    if isinstance(event, ChatEnded):
        nothing = Decision(ticket, (), "nothing_new")
        return _left_details(nothing, event.requester, event.has_contact_details, hand)
    if isinstance(event, PhoneEvent):
        return _phoned(ticket, delivery, event, hand)
    if (given_by_mail := _mailed_feedback(ticket, delivery, hand)) is not None:
        return given_by_mail
    if isinstance(event, ChatMessageReceived):
        written = _learned(_decided(ticket, _heard(ticket, delivery), hand), delivery, hand)
        return _left_details(written, event.sender, event.has_contact_details, hand)
    if isinstance(event, EmailMessageReceived):
        return _learned(_decided(ticket, _heard(ticket, delivery), hand), delivery, hand)
    return Decision(ticket, (), "nothing_new")  # the form that opened it, once more


def _decided(ticket: Ticket, command: do.Command, hand: Hand) -> Decision:
    decision = decide(ticket, command, hand)
    if isinstance(decision, Decision):
        return decision
    return Decision(ticket, (), str(decision.reason))


def _heard(ticket: Ticket, delivery: Delivery) -> do.Hear:
    content = content_of(delivery.event, delivery.desk)
    return do.Hear(
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
    )


def _not_from_requester(ticket: Ticket, delivery: Delivery, hand: Hand) -> Decision:
    """An agent in the chat is a reply; a machine's mail is kept as a note and wakes nobody."""
    event = delivery.event
    if isinstance(event, ChatMessageReceived) and event.sender_kind == "agent":
        sender = event.sender
        who = sender.email or sender.chat or sender.name or "agent"
        agent = Actor(kind="agent", id=who, name=sender.name)
        by_agent = replace(hand, by=agent, occurred_at=max(hand.occurred_at, ticket.opened_at))
        return _decided(ticket, do.Reply(text=event.text, channel="chat"), by_agent)
    if isinstance(event, EmailMessageReceived):
        text = f"{event.subject_line}\n\n{event.text}"
        by = Actor(kind="machine", id=event.sender.email or "unknown", name=event.sender.name)
        note = Noted(**common(ticket, hand), by=by, text=text)
        return told(ticket, hand, delivery.ignored or "machine", note)
    return Decision(ticket, (), delivery.ignored or "ignored")


def _portal_reply(
    ticket: Ticket, delivery: Delivery, event: ReplySubmitted, hand: Hand
) -> Decision:
    fields = "\n".join(f"{name}: {value}" for name, value in event.fields.items())
    text = "\n\n".join(part for part in (event.text, fields) if part)
    command = do.Hear(
        by=event.requester, channel="portal", delivery=event.delivery, text=text, joins=True
    )
    return _learned(_decided(ticket, command, hand), delivery, hand)


def _learned(decision: Decision, delivery: Delivery, hand: Hand) -> Decision:
    """What was heard, with what it adds to what is known of the request."""
    event = delivery.event
    by = getattr(event, "requester", None) or getattr(event, "sender", None) or Contact()
    ticket, events = learn(decision.ticket, event, by, delivery.desk, common(decision.ticket, hand))
    if not events:
        return replace(decision, ticket=ticket)
    ticket = replace(ticket, sequence=ticket.sequence + len(events))
    completed = any(isinstance(each, InformationCompleted) for each in events)
    reason = "information_completed" if completed else decision.reason
    return Decision(ticket, (*decision.events, *events), reason)


def _feedback(ticket: Ticket, delivery: Delivery, event: FeedbackSubmitted, hand: Hand) -> Decision:
    said = feedback(
        delivery.key, "portal", event.requester, event.text,
        desk=delivery.desk, is_complaint=event.is_complaint, rating=event.rating,
    )  # fmt: skip
    return given(ticket, said, hand)


def _mailed_feedback(ticket: Ticket, delivery: Delivery, hand: Hand) -> Decision | None:
    """A mail to an address for feedback is about the ticket it answers to, and reopens nothing;
    unless it goes on with what began there, or answers to the ticket's own address."""
    event = delivery.event
    if delivery.named is not None or not isinstance(event, EmailMessageReceived):
        return None
    line = delivery.desk.line_of(event.recipients)
    kind = kind_of(delivery.desk, line, None)
    if kind is None or line is None or line.name == ticket.line:
        return None
    said = feedback(
        delivery.key, "email", event.sender, event.text,
        desk=delivery.desk, is_complaint=kind is Kind.COMPLAINT,
    )  # fmt: skip
    return given(ticket, said, hand)


def _left_details(decision: Decision, details: Contact, is_reachable: bool, hand: Hand) -> Decision:
    """Contact details left during or at the end of a chat complete what is known of the requester;
    from then on there is somebody to answer (SIS-04)."""
    ticket = decision.ticket
    known = ticket.requester
    new = {name: value for name, value in details.model_dump().items() if value is not None}
    requester = known.model_copy(update=new)
    if requester == known:
        return decision
    event = ParticipantsChanged(
        **common(ticket, hand),
        requester=requester,
        participants=ticket.participants,
        by=hand.by,
        is_answerable=has_way_back(requester, is_reachable) or None,
    )
    result = told(ticket, hand, "contact_details_left", event)
    events = (*decision.events, *result.events)
    return Decision(replace(result.ticket, requester=requester), events, result.reason)


def _phoned(ticket: Ticket, delivery: Delivery, event: PhoneEvent, hand: Hand) -> Decision:
    """What a call makes of its ticket. One about a ticket that it names is heard as a reply by
    phone (SIS-09)."""
    if isinstance(event, CallEnded):
        return _call_ended(ticket, event, hand)
    if delivery.named == ticket.id:
        return _decided(ticket, _heard(ticket, delivery), hand)
    if isinstance(event, VoicemailLeft | VoicemailTranscribed):
        return _voicemail(ticket, delivery, event, hand)
    return Decision(ticket, (), "nothing_new")  # the call that opened it, once more


def _call_ended(ticket: Ticket, event: CallEnded, hand: Hand) -> Decision:
    """A call that an agent answered reached the customer."""
    if event.answered_by is None:
        return Decision(ticket, (), "nothing_new")
    by = Actor(kind="agent", id=event.answered_by)
    reached = ContactAttempted(
        **common(ticket, hand), by=by, channel="phone", reached=True, note="The call was answered."
    )
    return told(ticket, hand, "call_answered", reached)


def _voicemail(
    ticket: Ticket, delivery: Delivery, event: VoicemailLeft | VoicemailTranscribed, hand: Hand
) -> Decision:
    """Call, voicemail and its text come in any order and are one ticket. They reopen it only when
    it was finished meanwhile."""
    if isinstance(event, VoicemailTranscribed):
        note = Noted(**common(ticket, hand), by=hand.by, text=event.text)
        return told(ticket, hand, "voicemail_transcribed", note)
    if ticket.state in FINISHED:
        return _decided(ticket, _heard(ticket, delivery), hand)
    content = content_of(event, delivery.desk)
    is_urgent = (
        ticket.is_urgent or content.is_urgent or bool(content.line and content.line.is_urgent)
    )
    callback = CallbackRequested(
        **common(ticket, hand), by=event.caller, phone=event.caller.phone, is_urgent=is_urgent
    )
    note = Noted(**common(ticket, hand), by=hand.by, text=voicemail_text(event))
    result = told(ticket, hand, "voicemail_left", callback, note)
    return Decision(replace(result.ticket, is_urgent=is_urgent), result.events, result.reason)
