"""What agents have written on tickets and not sent."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from pledge.events import AgentReplied, Noted

SENT_AS: Final = {"reply": AgentReplied.TYPE, "note": Noted.TYPE}
"""The kinds of drafts, and the fact that each becomes."""
OLD_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Draft:
    """Words of an agent of a kind of `SENT_AS`."""

    agent: str
    kind: str
    text: str
    saved_at: datetime


# Whoever sends holds the ticket's lock: either this waits and then sees what was sent, or the other
# waits and then removes this.
_LOCK: Final = "SELECT FROM tickets WHERE id = $1 FOR SHARE"
_SAVE: Final = """
INSERT INTO drafts AS known (desk, ticket_id, agent, kind, text, saved_at)
SELECT $1, $2, $3, $4, $5, $6 WHERE NOT EXISTS (
    SELECT FROM facts WHERE ticket_id = $2 AND sequence > $7 AND type = $8
        AND data -> 'by' ->> 'id' = $3)
ON CONFLICT (ticket_id, agent, kind) DO UPDATE SET text = excluded.text,
    saved_at = excluded.saved_at
RETURNING true
"""


async def save(
    connection: asyncpg.Connection, desk: str, ticket_id: UUID, draft: Draft, seen: int
) -> bool:
    """Keep the draft in place of the one before; False: it was sent already, since its writer saw
    the ticket with the sequence `seen`."""
    await connection.execute(_LOCK, ticket_id)
    return bool(
        await connection.fetchval(
            _SAVE, desk, ticket_id, draft.agent, draft.kind, draft.text, draft.saved_at, seen,
            SENT_AS[draft.kind],
        )
    )  # fmt: skip


async def remove(connection: asyncpg.Connection, ticket_id: UUID, agent: str, kind: str) -> None:
    """Forget the agent's draft: it was sent, or given up."""
    await connection.execute(
        "DELETE FROM drafts WHERE ticket_id = $1 AND agent = $2 AND kind = $3",
        ticket_id,
        agent,
        kind,
    )


async def of_ticket(connection: asyncpg.Connection, ticket_id: UUID) -> list[Draft]:
    """All drafts on the ticket, the newest first."""
    rows = await connection.fetch(
        "SELECT agent, kind, text, saved_at FROM drafts WHERE ticket_id = $1"
        " ORDER BY saved_at DESC, agent, kind",
        ticket_id,
    )
    return [Draft(**row) for row in rows]


async def remove_old(connection: asyncpg.Connection, before: datetime) -> None:
    """Remove some drafts that nobody went on with since the instant."""
    await connection.execute(
        "DELETE FROM drafts WHERE (ticket_id, agent, kind) IN (SELECT ticket_id, agent, kind"
        " FROM drafts WHERE saved_at < $1 ORDER BY saved_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        before,
        OLD_AT_ONCE,
    )
