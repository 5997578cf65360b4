"""Reading who wrote on a ticket since an agent read it."""

from typing import Any, Final
from uuid import UUID

import asyncpg

from intake.domain.moved_on import CONVERSATION, Since

_SINCE: Final = """
SELECT sequence, type, occurred_at, coalesce(data -> 'by', data -> 'agent')::jsonb AS person
FROM facts WHERE ticket_id = $1 AND sequence > $2 AND type = ANY($3::text[])
ORDER BY sequence DESC LIMIT 20
"""


async def conversation_since(
    connection: asyncpg.Connection, ticket_id: UUID, sequence: int
) -> list[Since]:
    """Who wrote, or changed the state, after that sequence, oldest first; the newest 20."""
    rows = await connection.fetch(_SINCE, ticket_id, sequence, list(CONVERSATION))
    return [
        Since(row["sequence"], row["type"], _who(row["person"] or {}), row["occurred_at"])
        for row in reversed(rows)
    ]


def _who(person: dict[str, Any]) -> str:
    known = (person.get(each) for each in ("id", "email", "name", "phone", "chat"))
    return str(next((each for each in known if each), "somebody"))
