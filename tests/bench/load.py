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
from pledge.events.values import Authentication
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
    """The events of so many tickets: opened, answered, waiting, replied to and resolved."""
    for first in range(0, tickets, WAVE):
        ticket_ids = [ids.new() for _ in range(min(WAVE, tickets - first))]
        for sequence in range(1, EVENTS_PER_TICKET + 1):
            for offset, ticket_id in enumerate(ticket_ids):
                at = start + timedelta(seconds=30 * sequence)
                event = _life(ticket_id, f"BEN-{10001 + first + offset}", sequence, at)
                yield message(event, ids, sequence, "/intake")


def opened(
    ticket_id: UUID,
    number: str,
    at: datetime,
    severity: str,
    subject: str = "Mail is slow",
    desk: str = "bench",
) -> TicketOpened:
    """A ticket that a mail opened."""
    return TicketOpened(
        desk=desk,
        occurred_at=at,
        recorded_at=at,
        ticket_id=ticket_id,
        ticket_number=number,
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


def followed(
    tickets: Sequence[tuple[UUID, str]], start: datetime, ids: Ids
) -> Iterator[tuple[int, Message]]:
    """What follows on tickets that are open already, each with its number: the rest of a life.

    With the position of the ticket in `tickets`.
    """
    for first in range(0, len(tickets), WAVE):
        wave = list(enumerate(tickets[first : first + WAVE], first))
        for sequence in range(2, EVENTS_PER_TICKET + 1):
            at = start + timedelta(seconds=30 * sequence)
            for position, (ticket_id, number) in wave:
                event = _life(ticket_id, number, sequence, at)
                yield position, message(event, ids, sequence, "/intake")


def mails(count: int, start: datetime, ids: Ids) -> Iterator[Message]:
    """Mails to the bench desk: a wave of new ones, a wave of answers to them, and so on."""
    for n in range(count):
        is_reply = (n // WAVE) % 2 == 1
        at = start + timedelta(milliseconds=n)
        yield message(_mail(n, at, n - WAVE if is_reply else None), ids, None, "/gateways/bench")


def _mail(n: int, at: datetime, answered: int | None) -> EmailMessageReceived:
    root = n if answered is None else answered
    reference = None if answered is None else f"<{answered}@customer.example>"
    return EmailMessageReceived(
        desk="bench",
        occurred_at=at,
        recorded_at=at,
        delivery=f"smtp:{n:08}",
        conversation=f"conversation-{root}",
        message_id=f"<{n}@customer.example>",
        in_reply_to=reference,
        references=() if reference is None else (reference,),
        sender=Contact(name="Ada Example", email=f"ada{root}@customer.example"),
        recipients=("support@bench.example",),
        subject_line="Mail is slow" if answered is None else "Re: Mail is slow",
        text="Since this morning mails arrive an hour late. " * 6,
        authentication=Authentication(result="passed", method="dkim"),
    )
