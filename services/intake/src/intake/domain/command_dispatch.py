"""What all decisions share: the dispatch by command, the common fields of facts, refusals.

Modules that say what commands mean register with `apply`; `decide` imports them all.
"""

from dataclasses import replace
from datetime import timedelta
from functools import singledispatch
from typing import Any, Final

from intake.domain.commands import Action, Command
from intake.domain.ticket import ALLOWED, Decision, Hand, Refusal, RefusalReason, Ticket
from pledge.events import TicketEvent

CLOCK_TOLERANCE: Final = timedelta(minutes=1)
"""A fact may lie this far in the future: the clocks of an agent's desk and ours differ."""


@singledispatch
def apply(command: Command, ticket: Ticket, hand: Hand) -> Decision | Refusal:
    """What the command makes of a ticket on which it is allowed."""
    raise AssertionError(f"{type(command).__name__} has no meaning yet")


def refused(ticket: Ticket, action: Action, hand: Hand) -> Refusal | None:
    """Why the action can't be done on the ticket now, whatever its details; None: it can."""
    is_told_by_agent = action is not Action.HEAR
    if is_told_by_agent and hand.occurred_at > hand.now + CLOCK_TOLERANCE:
        detail = "occurred_at lies in the future; give the instant it happened, or leave it out"
        return Refusal(RefusalReason.IN_THE_FUTURE, detail, ticket.allowed)
    if is_told_by_agent and hand.occurred_at < ticket.opened_at:
        detail = f"occurred_at lies before the ticket was opened at {ticket.opened_at.isoformat()}"
        return Refusal(RefusalReason.BEFORE_OPENING, detail, ticket.allowed)
    if action not in ALLOWED[ticket.state]:
        detail = f"{action} is not possible: the ticket is {ticket.state}"
        return Refusal(RefusalReason.NOT_ALLOWED_NOW, detail, ticket.allowed)
    return None


def common(ticket: Ticket, hand: Hand) -> dict[str, Any]:
    """The fields that every fact of a ticket has."""
    return {
        "desk": ticket.desk,
        "ticket_id": ticket.id,
        "number": ticket.number,
        "occurred_at": hand.occurred_at,
        "recorded_at": hand.now,
    }


def opened_with(ticket: Ticket) -> dict[str, Any]:
    """What the first fact says of the ticket as it stands, however it was opened."""
    return {
        "subject_line": ticket.subject_line,
        "channel": ticket.channel,
        "requester": ticket.requester,
        "participants": ticket.participants,
        "reply_to": ticket.reply_to,
        "language": ticket.language,
        "severity": ticket.severity,
        "priority": ticket.priority,
        "plan": ticket.plan,
        "product": ticket.product,
        "customer": ticket.customer,
        "is_trial": ticket.is_trial,
        "is_urgent": ticket.is_urgent,
        "entitled": ticket.particulars.entitled,
    }


def told(ticket: Ticket, hand: Hand, reason: str, *events: TicketEvent) -> Decision:
    """The decision that adds facts to a ticket and changes nothing else of it."""
    return done(ticket, hand, reason, *events)


def done(ticket: Ticket, hand: Hand, reason: str, *events: TicketEvent, **changes: Any) -> Decision:
    """The decision that adds facts to a ticket and changes it."""
    changed = replace(
        ticket, sequence=ticket.sequence + len(events), changed_at=hand.now, **changes
    )
    return Decision(changed, events, reason)


def nothing(ticket: Ticket, detail: str) -> Refusal:
    """The refusal of what is so already, or has nothing to work on."""
    return Refusal(RefusalReason.NOTHING_TO_CHANGE, detail, ticket.allowed)
