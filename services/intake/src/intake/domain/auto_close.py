"""What a desk's silence rules do to a ticket: tell that it will close, and close it (VIR-10)."""

from datetime import datetime

from intake.domain.command_handlers import common, decide, told
from intake.domain.commands import Close
from intake.domain.desk import Desk
from intake.domain.ticket import FINISHED, Decision, Hand, Ticket
from pledge.events import Actor, ClosingAnnounced, SilenceElapsed


def close_silent(ticket: Ticket, event: SilenceElapsed, desk: Desk, *, now: datetime) -> Decision:
    """What the rule makes of the ticket; nothing if somebody was heard since, or it is over."""
    hand = Hand(desk, Actor(kind="rule", id=event.rule), max(now, ticket.opened_at), now)
    if ticket.heard_at is not None and ticket.heard_at > event.silent_since:
        return Decision(ticket, (), "heard_since")
    if event.step == "announce" and event.closes_at is not None and ticket.state not in FINISHED:
        announced = ClosingAnnounced(
            **common(ticket, hand), closes_at=event.closes_at, conditions=event.conditions
        )
        return told(ticket, hand, "closing_announced", announced)
    if event.step == "announce":
        return Decision(ticket, (), "announcement_without_ticket")
    decision = decide(ticket, Close(reason="silence", conditions=event.conditions), hand)
    if isinstance(decision, Decision):
        return decision
    return Decision(ticket, (), str(decision.reason))
