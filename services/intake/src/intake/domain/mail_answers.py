"""Mails of people on a ticket that answer something in particular: an invitation, or with thanks.

They are no words to be answered: they reopen nothing and end no waiting.
"""

from uuid import UUID

from intake.domain.command_registry import Command
from intake.domain.commands import decide
from intake.domain.commands.meetings import CancelMeeting
from intake.domain.joining import is_forged
from intake.domain.text import one_line
from intake.domain.ticket import CommandContext, Decision, Ticket, done, fact_fields
from intake.domain.ticket_parts import Meeting, MeetingState
from pledge.events import (
    Actor,
    Contact,
    DeliveryReport,
    EmailMessageReceived,
    MeetingAnswer,
    Noted,
)

_ANSWERS = {"accepted": "accepts", "tentative": "may come to", "declined": "declines"}


def particular_answer(
    ticket: Ticket, event: EmailMessageReceived, context: CommandContext
) -> Decision | None:
    """What the mail does to the ticket, if it is such an answer of somebody on the ticket, whom our
    border does not call forged; None: it is read as any other."""
    if not _is_on(ticket, event.sender) or is_forged(event):
        return None
    if event.meeting_answer is not None:
        return _meeting_answered(ticket, event, event.meeting_answer, context)
    if event.headers.get("x-pledge-thanks") == "yes":
        return _noted(ticket, event, context, event.visible_text or event.text, "thanked")
    return None


def is_lost(report: DeliveryReport) -> bool:
    """Whether the mail that the report is about will not arrive any more (RFC 3464 §2.3.3)."""
    return report.action.lower() == "failed" and not (report.status or "5").startswith("4")


def told_of(event: EmailMessageReceived) -> str:
    """What a bounce says of our mails, for agents, before its own words; "" for another mail."""
    lines = []
    for report in event.reports if event.kind == "bounce" else ():
        whom = report.recipient or "its recipient"
        why = " ".join(each for each in (report.status or "", report.diagnostic) if each)
        if is_lost(report):
            told = f"A mail to {whom} did not arrive. Reach them by another way, or correct the"
            told += " address and answer again."
        else:
            told = f"A mail to {whom}: {report.action or 'reported'}."
        lines.append(f"{told} ({one_line(why, 300)})" if why else told)
    return "\n".join(lines)


def _is_on(ticket: Ticket, person: Contact) -> bool:
    people = (ticket.requester, *ticket.participants)
    return person.email is not None and person.email in {each.email for each in people}


def _meeting_answered(
    ticket: Ticket, event: EmailMessageReceived, answer: MeetingAnswer, context: CommandContext
) -> Decision | None:
    """A declined meeting that was agreed is off (SIG-07), by the requester alone: one of several
    people who can't come ends nothing. Any other answer is noted."""
    meeting = _of_uid(ticket, answer.uid)
    if meeting is None or answer.answer not in _ANSWERS:
        return None
    who = event.sender.name or event.sender.email or "somebody"
    said = f": {answer.comment}" if answer.comment else ""
    words = f"{who} {_ANSWERS[answer.answer]} the meeting of {meeting.starts_at:%Y-%m-%d %H:%M} UTC"
    is_requester = event.sender.email == ticket.requester.email
    if answer.answer == "declined" and is_requester and meeting.state is MeetingState.AGREED:
        by = Actor(kind="requester", id=event.sender.email or who, name=event.sender.name)
        command: Command = CancelMeeting(
            why=one_line(f"declined{said}", 300), meeting_id=meeting.id
        )
        declining = CommandContext(context.desk, by, context.occurred_at, context.now)
        decided = decide(ticket, command, declining)
        if isinstance(decided, Decision):
            return decided
    return _noted(ticket, event, context, f"{words}{said}", f"meeting_{answer.answer}")


def _of_uid(ticket: Ticket, uid: str) -> Meeting | None:
    """The meeting that an invitation of ours was about: its id stands before the "@" of the UID."""
    wanted = own_id(uid)
    return next((each for each in ticket.meetings if each.id == wanted), None)


def own_id(text: str | None) -> UUID | None:
    """Our id in a UID or Message-ID that we gave: it stands before the "@"."""
    try:
        return UUID((text or "").strip("<> ").partition("@")[0])
    except ValueError:
        return None


def _noted(
    ticket: Ticket, event: EmailMessageReceived, context: CommandContext, text: str, reason: str
) -> Decision:
    by = Actor(kind="requester", id=event.sender.email or "unknown", name=event.sender.name)
    note = Noted(
        **fact_fields(ticket, context),
        by=by,
        text=text,
        attachments=event.attachments,
        delivery=event.delivery,
    )
    return done(ticket, context, reason, note)
