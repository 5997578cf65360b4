"""Files travel with the words that they came with, on every channel."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from intake.domain.admission.open_ticket import open_ticket
from intake.domain.apply_delivery import apply_delivery
from intake.domain.command_registry import Command
from intake.domain.commands import decide
from intake.domain.commands.conversation import Note, Reply
from intake.domain.thread_matching import Delivery, read_delivery
from intake.domain.ticket import CommandContext, Decision
from pledge.events import (
    AgentReplied,
    AttachmentRef,
    Authentication,
    ChannelEvent,
    ChatMessageReceived,
    EmailMessageReceived,
    EmailRequested,
    FormSubmitted,
    Noted,
    ReplySubmitted,
    RequesterReplied,
    TicketEvent,
    TicketOpened,
)
from unit.intake.builders import ADDRESSES, ANN, NINE, TOM, a_desk, a_ticket, at

FILES = (
    AttachmentRef(name="server.log", content_type="text/plain", size=9, sha256="a" * 64, key="k/1"),
    AttachmentRef(
        name="screen.png", content_type="image/png", size=90, sha256="b" * 64, key="k/2",
        is_inline=True,
    ),
)  # fmt: skip
COMMON = {
    "desk": "vircom",
    "occurred_at": NINE,
    "recorded_at": NINE,
    "conversation": "c",
    "authentication": Authentication(result="none"),
    "attachments": FILES,
}


def a_mail(**changes: object) -> EmailMessageReceived:
    return EmailMessageReceived(
        delivery="m", sender=ANN, recipients=("support@vircom.example",), text="See.",
        **{**COMMON, **changes},
    )  # fmt: skip


def delivered(event: ChannelEvent) -> Delivery:
    return read_delivery(event, "cause", a_desk(), ADDRESSES)


def opened(event: ChannelEvent) -> TicketOpened:
    decision = open_ticket(
        delivered(event), ticket_id=UUID(int=9), number="VIR-9", reply_to="r@x.example", now=NINE
    )
    first = decision.events[0]
    assert isinstance(first, TicketOpened)
    return first


def applied(event: ChannelEvent) -> tuple[TicketEvent, ...]:
    return apply_delivery(a_ticket(), delivered(event), now=at(1)).events


def done(command: Command) -> tuple[TicketEvent, ...]:
    decision = decide(a_ticket(), command, CommandContext(a_desk(), TOM, at(1), at(1)))
    assert isinstance(decision, Decision)
    return decision.events


def test_the_files_of_what_opens_a_ticket_stand_on_its_first_fact() -> None:
    chat = ChatMessageReceived(delivery="h", sender=ANN, text="See.", **COMMON)
    form = FormSubmitted(delivery="f", form="case", requester=ANN, subject_line="See", **COMMON)
    for event in (a_mail(), chat, form):
        assert opened(event).attachments == FILES


def test_the_files_of_an_answer_stand_on_it() -> None:
    portal = ReplySubmitted(delivery="p", ticket_id=UUID(int=7), requester=ANN, **COMMON)
    chat = ChatMessageReceived(delivery="h", sender=ANN, text="See.", **COMMON)
    for event in (a_mail(), portal, chat):
        (reply,) = (each for each in applied(event) if isinstance(each, RequesterReplied))
        assert reply.attachments == FILES


def test_the_files_of_a_machine_and_of_an_agent_in_the_chat_are_kept_too() -> None:
    (note,) = applied(a_mail(is_auto_submitted=True))
    assert isinstance(note, Noted)
    assert note.attachments == FILES
    agent = ChatMessageReceived(
        delivery="h", sender=ANN, sender_kind="agent", text="Here.", **COMMON
    )
    reply = applied(agent)[0]
    assert isinstance(reply, AgentReplied)
    assert reply.attachments == FILES


def test_an_agents_files_go_with_the_reply_and_its_mail_and_a_notes_stay_here() -> None:
    reply, mail = done(replace(Reply(text="Here."), attachments=FILES))
    assert isinstance(reply, AgentReplied)
    assert isinstance(mail, EmailRequested)
    assert reply.attachments == mail.attachments == FILES
    (note,) = done(replace(Note(text="For us."), attachments=FILES))
    assert isinstance(note, Noted)
    assert note.attachments == FILES
