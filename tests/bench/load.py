"""What the benchmarks feed in: as intake and the gateways would publish it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from pledge.events import (
    Actor,
    AgentReplied,
    Contact,
    EmailMessageReceived,
    Event,
    RequesterReplied,
    Resolved,
    TicketOpened,
    WaitingOnCustomer,
    encode,
    originate,
)
from pledge.events.people import Authentication
from pledge.runtime.ids import Ids
from pledge.runtime.records import Message

AGENT = Actor(kind="agent", id="agent-7", name="Agent Seven")
# Tickets whose lives are interleaved: a batch holds opened, answered and resolved ones.
WAVE = 250
EVENTS_PER_TICKET = 5


def message(event: Event, ids: Ids, sequence: int | None, source: str) -> Message:
    """The record of `event`."""
    envelope = originate(event, source=source, id=str(ids.new()), sequence=sequence)
    encoded = encode(event, envelope)
    return Message(encoded.topic, encoded.key, encoded.value, encoded.headers)


def lives(tickets: int, start: datetime, ids: Ids) -> Iterator[Message]:
    """The events of so many tickets: opened, answered, waiting, heard again and resolved."""
    for first in range(0, tickets, WAVE):
        ticket_ids = [ids.new() for _ in range(min(WAVE, tickets - first))]
        for sequence in range(1, EVENTS_PER_TICKET + 1):
            for offset, ticket_id in enumerate(ticket_ids):
                at = start + timedelta(seconds=30 * sequence)
                event = _life(ticket_id, f"BEN-{10001 + first + offset}", sequence, at)
                yield message(event, ids, sequence, "/intake")


def opened(
    ticket_id: UUID, number: str, at: datetime, severity: str, subject: str = "Mail is slow"
) -> TicketOpened:
    """A ticket that a mail opened."""
    return TicketOpened(
        desk="bench",
        occurred_at=at,
        recorded_at=at,
        ticket_id=ticket_id,
        number=number,
        subject_line=subject,
        text="Since this morning mails arrive an hour late. " * 4,
        channel="email",
        delivery=f"smtp:{ticket_id}",
        requester=Contact(name="Ada Example", email="ada@customer.example", zone="Europe/Paris"),
        reply_to=f"support+{ticket_id}@bench.example",
        severity=severity,
    )


def _life(ticket_id: UUID, number: str, sequence: int, at: datetime) -> Event:
    common = {
        "desk": "bench",
        "occurred_at": at,
        "recorded_at": at,
        "ticket_id": ticket_id,
        "number": number,
    }
    if sequence == 1:
        return opened(ticket_id, number, at, "p3")
    if sequence == 2:
        return AgentReplied(**common, agent=AGENT, text="We are looking into it. " * 6)
    if sequence == 3:
        return WaitingOnCustomer(**common, by=AGENT, why="a trace of the headers")
    if sequence == 4:
        by = Contact(email="ada@customer.example")
        return RequesterReplied(**common, by=by, channel="email", text="Here they are. " * 8)
    return Resolved(**common, by=AGENT, resolution="The relay's queue was full. " * 4)


def mails(count: int, start: datetime, ids: Ids, replies: float = 0.5) -> list[Message]:
    """Mails to the bench desk: new ones, and in a share of `replies` answers to earlier ones."""
    made: list[Message] = []
    message_ids: list[str] = []
    for n in range(count):
        is_reply = n >= WAVE and (n % 100) < replies * 100
        event = _mail(n, start + timedelta(milliseconds=n), message_ids if is_reply else [])
        message_ids.append(event.message_id or "")
        made.append(message(event, ids, None, "/gateways/bench"))
    return made


def _mail(n: int, at: datetime, earlier: Sequence[str]) -> EmailMessageReceived:
    # An answer goes to the mail of a wave ago, which was a new one or an answer itself.
    answered = earlier[n - WAVE] if earlier else None
    root = n % WAVE if earlier else n
    return EmailMessageReceived(
        desk="bench",
        occurred_at=at,
        recorded_at=at,
        delivery=f"smtp:{n:08}",
        conversation=f"conversation-{root}" if earlier else f"conversation-{n}",
        message_id=f"<{n}@customer.example>",
        in_reply_to=answered,
        references=(answered,) if answered else (),
        sender=Contact(name="Ada Example", email=f"ada{root}@customer.example"),
        recipients=("support@bench.example",),
        subject_line="Re: Mail is slow" if earlier else "Mail is slow",
        text="Since this morning mails arrive an hour late. " * 6,
        authentication=Authentication(result="passed", method="dkim"),
    )
