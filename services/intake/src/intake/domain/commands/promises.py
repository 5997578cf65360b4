"""Due times that an agent agrees with the customer."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from intake.domain.command_fields import Line, Name
from intake.domain.command_registry import NOT_CLOSED, Command, command
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
from intake.domain.ticket_parts import AgreedDue
from pledge.events import DueRevised, Instant

LONGEST_AGREEMENT = timedelta(days=3_650)


def _agreed(data: Data) -> Words:
    due_at = data.get("due_at")
    if not isinstance(due_at, str):
        return "The agreed time is withdrawn", "", ""
    return f"Agreed: by {datetime.fromisoformat(due_at):%Y-%m-%d, %H:%M %Z}", "", ""


@command("revise-due", states=NOT_CLOSED, history={"due_revised": _agreed})
@dataclass(frozen=True, slots=True)
class ReviseDue(Command):
    """By when a promise is kept, as agreed with the customer; without `due_at` what was agreed is
    withdrawn. The desk's file lists the promises; the newest agreement holds, and one that comes
    after the promise was broken changes nothing."""

    metric: Name
    why: Line
    due_at: Instant | None = None

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        known = {each.name: each for each in context.desk.revisable}
        promise = known.get(self.metric)
        if promise is None:
            names = ", ".join(known) or "none"
            detail = f"no other time can be agreed for {self.metric}; for: {names}"
            return Refusal(RefusalReason.UNSUITABLE, detail, ticket.allowed)
        if not self.why.strip():
            detail = "say why another time was agreed"
            return Refusal(RefusalReason.UNSUITABLE, detail, ticket.allowed)
        others = tuple(each for each in ticket.agreed if each.metric != self.metric)
        if self.due_at is None:
            if len(others) == len(ticket.agreed):
                return nothing_to_change(ticket, f"no time was agreed for {promise.title}")
        elif not context.now < self.due_at <= context.now + LONGEST_AGREEMENT:
            detail = f"due_at must lie ahead, within {LONGEST_AGREEMENT.days // 365} years"
            return Refusal(RefusalReason.UNSUITABLE, detail, ticket.allowed)
        event = DueRevised(
            **fact_fields(ticket, context),
            metric=self.metric,
            due_at=self.due_at,
            by=context.by,
            why=self.why,
        )
        agreed = others
        if self.due_at is not None:
            own = AgreedDue(self.metric, promise.title, self.due_at, context.by, self.why)
            agreed = (*others, own)
        return done(ticket, context, "due_revised", event, agreed=agreed)
