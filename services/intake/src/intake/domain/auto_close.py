"""Applies a desk's silence rules to a ticket: announces its closing, and closes it (VIR-10)."""

from datetime import datetime

from intake.domain.command_registry import FINISHED
from intake.domain.commands import decide
from intake.domain.commands.progress import Close
from intake.domain.desk import Desk
from intake.domain.requester_links import RequesterLinks
from intake.domain.ticket import CommandContext, Decision, Ticket, done, fact_fields
from pledge.events import Actor, ClosingAnnounced, SilenceElapsed


def close_silent(
    ticket: Ticket,
    event: SilenceElapsed,
    desk: Desk,
    *,
    now: datetime,
    links: RequesterLinks | None = None,
) -> Decision:
    """Apply the rule; nothing happens if the requester wrote since, or the ticket is finished."""
    context = CommandContext(
        desk, Actor(kind="rule", id=event.rule), max(now, ticket.opened_at), now, links
    )
    if ticket.heard_at is not None and ticket.heard_at > event.silent_since:
        return Decision(ticket, (), "heard_since")
    if event.step == "announce" and event.closes_at is not None and ticket.state not in FINISHED:
        announced = ClosingAnnounced(
            **fact_fields(ticket, context), closes_at=event.closes_at, conditions=event.conditions
        )
        return done(ticket, context, "closing_announced", announced)
    if event.step == "announce":
        return Decision(ticket, (), "announcement_without_ticket")
    decision = decide(ticket, Close(reason="silence", conditions=event.conditions), context)
    if isinstance(decision, Decision):
        return decision
    return Decision(ticket, (), str(decision.reason))
