"""A ticket that an agent opens on a client's behalf (SIG-09)."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from intake.domain.admission.request import Request
from intake.domain.command_registry import State
from intake.domain.commands.relations import NewTicket, opening, vouched_for
from intake.domain.desk import Classification, Desk, classify
from intake.domain.matrix import Assessed, Origin, Values, assess
from intake.domain.participants import MAX_PARTICIPANTS
from intake.domain.request_details import with_reach
from intake.domain.ticket import (
    CLOCK_TOLERANCE,
    CommandContext,
    Decision,
    Refusal,
    RefusalReason,
    Ticket,
    unknown_reach,
    unknown_values,
)
from pledge.events import Contact

OLDEST_REPORT: Final = timedelta(days=366)
"""How far back an agent may date what a client asked."""


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """What an agent gives to open a ticket on a client's behalf (SIG-09)."""

    requester: Contact
    subject_line: str
    text: str = ""
    channel: str = "agent"
    participants: tuple[Contact, ...] = ()
    severity: str | None = None
    priority: str | None = None
    impact: str | None = None
    urgency: str | None = None
    plan: str | None = None
    product: str | None = None
    customer: str | None = None


def open_for(client: ClientRequest, context: CommandContext, new: NewTicket) -> Decision | Refusal:
    """The ticket that an agent opens on a client's behalf; it counts from when the client asked."""
    desk, at = context.desk, context.occurred_at
    if not context.now - OLDEST_REPORT <= at <= context.now + CLOCK_TOLERANCE:
        detail = f"occurred_at must lie within the last {OLDEST_REPORT.days} days"
        return Refusal(RefusalReason.UNSUITABLE, detail, ())
    refusal = unknown_values(client.severity, client.priority, desk, ()) or unknown_reach(
        client.impact, client.urgency, desk, ()
    )
    if refusal is not None:
        return refusal
    kind = _classified(client, desk)
    found = _assessed(client, kind, desk)
    ticket = Ticket(
        id=new.ticket_id,
        desk=desk.id,
        number=new.number,
        state=State.OPEN,
        sequence=1,
        subject_line=client.subject_line,
        channel=client.channel,
        requester=desk.placed(client.requester),
        opened_at=min(at, context.now),
        changed_at=context.now,
        severity=desk.floored(found.severity, is_trial=kind.is_trial),
        priority=found.priority,
        plan=kind.plan,
        product=kind.product,
        customer=kind.customer,
        language=client.requester.language or desk.language,
        reply_to=new.reply_to,
        is_trial=kind.is_trial,
        is_urgent=kind.is_urgent,
        participants=client.participants[:MAX_PARTICIPANTS],
        heard_at=min(at, context.now),
        request_details=with_reach(vouched_for(desk), client.impact, client.urgency, found.origin),
    )
    return opening(ticket, client.text, context, "opened_for_client")


def _assessed(client: ClientRequest, kind: Classification, desk: Desk) -> Assessed:
    """What the agent chose, else a rule of the desk's file, else the matrix, else the usual."""
    usual = Values(kind.severity, kind.priority)
    chosen = Values(client.severity, client.priority)
    if kind.origin is Origin.CHOSEN:
        chosen = Values(client.severity or kind.severity, client.priority or kind.priority)
    return assess(desk.matrix, chosen, usual, client.impact, client.urgency)


def _classified(client: ClientRequest, desk: Desk) -> Classification:
    request = Request(
        channel=client.channel,
        line=None,
        subject=client.subject_line,
        requester_address=client.requester.email,
        plan=client.plan,
        product=client.product,
        customer=client.customer,
    )
    return classify(desk, request)
