"""Keeps what an agent writes on a ticket until it is sent, and says who else is writing."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import asyncpg

from intake.application.desk_scope import reading
from intake.domain.text import storable
from intake.domain.ticket import Ticket
from intake.storage import drafts
from intake.storage.drafts import SENT_AS, Draft
from pledge.events import EXCERPT_LENGTH
from pledge.runtime.clock import Clock
from pledge.runtime.http.problems import HttpProblem

WRITING_FOR: Final = timedelta(minutes=10)
"""Who saved a draft within that time is said to be writing."""
KEPT_FOR: Final = timedelta(days=90)
"""A draft that nobody goes on with is forgotten then, as the delivery ledger is."""


@dataclass(frozen=True, slots=True)
class Drafts:
    """Drafts of replies and notes. Each agent sees the words of their own alone."""

    pool: asyncpg.Pool
    clock: Clock

    async def save(self, ticket: Ticket, agent: str, kind: str, text: str, seen: int) -> bool:
        """Keep the draft; empty words remove it. `seen` is the ticket's sequence as its writer saw
        it. False: it was sent meanwhile, so it isn't kept. Raises HttpProblem."""
        if kind not in SENT_AS:
            raise HttpProblem(404, f"there are no drafts of {kind[:40]}; of {', '.join(SENT_AS)}")
        if len(text) > EXCERPT_LENGTH:
            said = f"a draft has at most {EXCERPT_LENGTH} characters; shorten it by "
            raise HttpProblem(422, f"{said}{len(text) - EXCERPT_LENGTH}")
        now = self.clock.now()
        async with self.pool.acquire() as connection, connection.transaction():
            await drafts.remove_old(connection, now - KEPT_FOR)
            if not text.strip():
                await drafts.remove(connection, ticket.id, agent, kind)
                return True
            draft = Draft(agent, kind, storable(text), now)
            return await drafts.save(connection, ticket.desk, ticket.id, draft, seen)

    async def of_ticket(self, ticket: Ticket, agent: str) -> tuple[dict[str, Draft], list[Draft]]:
        """The agent's own drafts by their kind, and those of others who are writing now."""
        async with reading(self.pool, frozenset((ticket.desk,))) as connection:
            found = await drafts.of_ticket(connection, ticket.id)
        own = {each.kind: each for each in found if each.agent == agent}
        since = self.clock.now() - WRITING_FOR
        writing = [each for each in found if each.agent != agent and each.saved_at > since]
        return own, writing
