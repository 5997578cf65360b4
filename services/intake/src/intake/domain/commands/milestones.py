"""Milestones of the desk's own: root-cause report, technician on site, service restored."""

from dataclasses import dataclass

from intake.domain.command_fields import LongText, Name
from intake.domain.command_registry import ANY_STATE, Command, command
from intake.domain.commands.services import unconfirmed
from intake.domain.history_words import Data, Words
from intake.domain.ticket import (
    CommandContext,
    Decision,
    Refusal,
    RefusalReason,
    Ticket,
    done,
    fact_fields,
    nothing_to_change,
)
from intake.domain.ticket_parts import Milestone
from pledge.events import MilestoneReached

MAX_MILESTONES = 200
"""So many are kept on a ticket: the newest. The facts have all of them."""


def _reached(data: Data) -> Words:
    """Its title; the note stays with the desk."""
    return str(data.get("title") or data.get("milestone") or ""), "", ""


@command("milestones", states=ANY_STATE, history={"milestone_reached": _reached})
@dataclass(frozen=True, slots=True)
class ReachMilestone(Command):
    """A milestone that the desk's file lists is reached. It is recorded once, unless `again` says
    that it happened another time, such as a second visit. The note is not shown to the requester.
    """

    milestone: Name
    note: LongText = ""
    again: bool = False

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        known = {each.name: each for each in context.desk.milestones}
        kind = known.get(self.milestone)
        if kind is None:
            names = ", ".join(known) or "none are defined"
            detail = f"{self.milestone} is no milestone here; one of: {names}"
            return Refusal(RefusalReason.UNKNOWN_MILESTONE, detail, ticket.allowed)
        if not self.again and any(each.name == kind.name for each in ticket.milestones):
            detail = f"{kind.title} is recorded already; say `again` if it happened another time"
            return nothing_to_change(ticket, detail)
        if (refusal := unconfirmed(ticket)) is not None:
            return refusal
        event = MilestoneReached(
            **fact_fields(ticket, context),
            milestone=kind.name,
            title=kind.title,
            by=context.by,
            note=self.note,
        )
        reached = Milestone(kind.name, kind.title, context.occurred_at, context.by)
        milestones = (*ticket.milestones, reached)[-MAX_MILESTONES:]
        return done(ticket, context, "milestone_reached", event, milestones=milestones)
