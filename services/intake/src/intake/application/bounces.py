"""Bounces of our own mails: an agent's reply that came back is taken back."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from intake.application.publishing import Arrival, Batch, publication_of
from intake.domain.failed_replies import MailedReply, reply_failed
from intake.domain.joining import is_forged
from intake.domain.mail_answers import is_lost, own_id
from intake.domain.mail_states import state_of
from intake.domain.thread_matching import key_of
from intake.storage import mail_states, store
from pledge.events import DeliveryReport, EmailBounced, EmailMessageReceived

BOUNCED: Final = 3_000
"""Positions of these facts begin here, clear of those that the bounce causes by itself."""


async def take_back_returned(connection: asyncpg.Connection, batch: Batch, now: datetime) -> None:
    """Take back the replies whose mails the bounces of this batch return for good (VIR-08), and
    keep that they came back. A bounce that the border calls forged takes nothing back."""
    found = list(_returned(batch))
    if not found:
        return
    replies = await store.mailed_replies(connection, sorted({each[1] for each in found}))
    words = []
    for position, (arrival, ticket_id, email_id, report) in enumerate(found):
        reply = replies.get(email_id)
        bounced = _bounced(arrival, ticket_id, reply, email_id, report, now)
        if bounced.recipient and (word := state_of(bounced)) is not None:
            words.append(word)
        ticket = batch.ticket(ticket_id)
        if reply is None or ticket is None or reply.ticket_id != ticket_id:
            continue
        decision = reply_failed(ticket, reply, bounced, arrival.delivery.desk, now=now)
        # As for a mail that notify gave up: it fails once.
        key = key_of("reply_failed", ticket.desk, str(email_id))
        if not decision.events or not await store.note_deliveries(connection, [key], now):
            continue
        batch.keep(decision)
        batch.publications += [
            publication_of(fact, arrival.envelope, BOUNCED + position, decision.ticket.sequence)
            for fact in decision.events
        ]
    if words:
        await mail_states.keep(connection, words)


def _returned(batch: Batch) -> Iterator[tuple[Arrival, UUID, UUID, DeliveryReport]]:
    """What the batch's bounces return for good: the ticket, our id of the mail, the report."""
    for arrival, _, _, ticket_id in batch.ends:
        event = arrival.delivery.event
        if type(event) is not EmailMessageReceived or not event.reports:
            continue
        if ticket_id is None or is_forged(event):
            continue
        for report in event.reports:
            email_id = own_id(report.returned_message_id)
            if is_lost(report) and email_id is not None:
                yield arrival, ticket_id, email_id, report


def _bounced(
    arrival: Arrival, ticket_id: UUID, reply: MailedReply | None, email_id: UUID,
    report: DeliveryReport, now: datetime,
) -> EmailBounced:  # fmt: skip
    event = arrival.delivery.event
    only = next(iter(reply.to)) if reply is not None and len(reply.to) == 1 else ""
    return EmailBounced(
        desk=event.desk,
        occurred_at=event.occurred_at,
        recorded_at=now,
        ticket_id=ticket_id,
        message_id=email_id,
        recipient=report.recipient or only,
        mail_message_id=report.returned_message_id,
        status=report.status or "",
        detail=report.diagnostic,
    )
