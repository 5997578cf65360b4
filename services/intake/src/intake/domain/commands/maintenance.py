"""A maintenance window of the customer comes to a ticket, or is taken back (INF-09)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from intake.domain.command_registry import ANY_STATE, Command, command
from intake.domain.ticket import (
    CommandContext,
    Decision,
    Refusal,
    Ticket,
    done,
    fact_fields,
    nothing_to_change,
)
from intake.domain.windows import Window
from pledge.events import MaintenanceWindowSet

MAX_KEPT: Final = 50
"""A ticket keeps so many windows that are not over."""


@command("set-window", states=ANY_STATE, is_internal=True)
@dataclass(frozen=True, slots=True)
class SetWindow(Command):
    """A window that the customer set, or took back; set again it is replaced."""

    window_id: UUID
    starts_at: datetime
    ends_at: datetime
    note: str = ""
    is_withdrawn: bool = False

    def decide(self, ticket: Ticket, context: CommandContext) -> Decision | Refusal:
        """Decide what the command does to the ticket."""
        new = Window(self.window_id, self.starts_at, self.ends_at, self.note)
        known = next((each for each in ticket.windows if each.id == new.id), None)
        if known is None and (self.is_withdrawn or new.ends_at <= context.now):
            return nothing_to_change(ticket, "the window is none of the ticket's, or over")
        if known == new and not self.is_withdrawn:
            return nothing_to_change(ticket, "the window stands on the ticket already")
        kept = [each for each in ticket.windows
                if each.id != new.id and each.ends_at > context.now]  # fmt: skip
        if not self.is_withdrawn:
            kept.append(new)
        event = MaintenanceWindowSet(
            **fact_fields(ticket, context),
            window_id=new.id,
            starts_at=new.starts_at,
            ends_at=new.ends_at,
            note=new.note,
            by=context.by,
            is_withdrawn=self.is_withdrawn,
        )
        windows = tuple(sorted(kept, key=lambda each: each.starts_at))[:MAX_KEPT]
        return done(ticket, context, "window_set", event, windows=windows)
