"""Takes back an agent's reply whose mail did not reach the requester."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from intake.domain.desk import Desk
from intake.domain.ticket import CommandContext, Decision, Ticket, done, fact_fields
from pledge.events import Actor, AgentReplyFailed, EmailBounced, EmailFailed

NOTIFY: Final = Actor(kind="system", id="notify")


@dataclass(frozen=True, slots=True)
class MailedReply:
    """A reply that went out as a mail: where its fact stands, and whom it was written to."""

    ticket_id: UUID
    sequence: int
    to: frozenset[str]


def reply_failed(
    ticket: Ticket,
    reply: MailedReply,
    event: EmailFailed | EmailBounced,
    desk: Desk,
    *,
    now: datetime,
) -> Decision:
    """The reply is taken back if its mail is lost for good and was the requester's; one in copy is
    another matter. An attempt to reach the customer that an agent recorded stays one (VIR-08)."""
    if isinstance(event, EmailBounced) and not event.is_permanent:
        return Decision(ticket, (), "may_still_arrive")
    if event.recipient.casefold() not in reply.to:
        return Decision(ticket, (), "copy_not_sent")
    happened_at = max(min(event.occurred_at, now), ticket.opened_at)
    context = CommandContext(desk, NOTIFY, happened_at, now)
    failed = AgentReplyFailed(
        **fact_fields(ticket, context),
        takes_back=reply.sequence,
        email_id=event.message_id,
        recipient=event.recipient,
        reason="bounced" if isinstance(event, EmailBounced) else event.reason,
        detail=event.detail,
    )
    return done(ticket, context, "agent_reply_failed", failed)
