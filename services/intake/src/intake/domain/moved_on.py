"""Whether a ticket has moved on since an agent read it: a second answer is not sent unread."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from intake.domain.ticket import Refusal, RefusalReason, Ticket
from pledge.events import (
    Absorbed,
    Actor,
    AgentReplied,
    Closed,
    InformationRequested,
    Merged,
    Reopened,
    RequesterReplied,
    Resolved,
)

CONVERSATION: Final[dict[str, str]] = {
    AgentReplied.TYPE: "wrote to the requester",
    RequesterReplied.TYPE: "wrote",
    InformationRequested.TYPE: "asked the requester for information",
    Resolved.TYPE: "resolved the ticket",
    Closed.TYPE: "closed the ticket",
    Reopened.TYPE: "reopened the ticket",
    Merged.TYPE: "merged the ticket into another",
    Absorbed.TYPE: "merged another ticket into this one",
}
"""What an agent who answers has to have read, by the types of the facts, in words."""


@dataclass(frozen=True, slots=True)
class Since:
    """A fact that came since the agent read the ticket: who did what, and when (UTC)."""

    sequence: int
    type: str
    who: str
    occurred_at: datetime

    @property
    def words(self) -> str:
        """Who did what, for people."""
        return f"{self.who} {CONVERSATION[self.type]}"


def moved_on(ticket: Ticket, facts: Sequence[Since], by: Actor) -> Refusal | None:
    """Refuse what an agent wrote without having read what others did since; None: nobody did.

    ``facts`` are those since the agent read the ticket. What the same agent did is known to them.
    """
    others = [each for each in facts if each.type in CONVERSATION and each.who != by.id]
    if not others:
        return None
    last = others[-1]
    return Refusal(
        RefusalReason.MOVED_ON,
        f"{last.words} while you wrote (fact {last.sequence} of the ticket); read it, and send "
        f"yours again with seen: {ticket.sequence} if it still holds",
        ticket.allowed,
    )
