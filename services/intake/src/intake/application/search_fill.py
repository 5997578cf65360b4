"""Fills the rows that the queue and the search go by for tickets from before there were any.

New tickets get theirs in the transaction that opens them. The older ones are gone through newest
first, a few in a transaction that also keeps how far it came: a stop or crash loses nothing, and
one process works at a time.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg

from pledge.runtime.clock import Clock
from pledge.runtime.observability import logs
from pledge.runtime.retry import retry_while_away

TICKETS: Final = 100
"""Tickets in a transaction: their rows are locked for some tens of milliseconds."""
PAUSE: Final = timedelta(milliseconds=20)
LOOK_AGAIN: Final = timedelta(hours=1)
"""Once all is done, and while another process works, whether that is still so."""

_PLACE: Final = "SELECT before FROM search_fill WHERE before IS NOT NULL FOR UPDATE SKIP LOCKED"
_NEXT: Final = """
SELECT id FROM tickets
WHERE id IN (SELECT id FROM tickets WHERE id < $1 ORDER BY id DESC LIMIT $2)
ORDER BY id FOR NO KEY UPDATE
"""
_QUEUE: Final = """
INSERT INTO ticket_queue (ticket_id, desk, state, severity, channel, customer, assignee, team,
    due_at, metric, is_breached)
SELECT id, desk, state, coalesce(severity, ''), channel, coalesce(details ->> 'customer', ''),
    coalesce(details -> 'assignee' ->> 'id', ''), coalesce(details ->> 'team', ''),
    due.due_at, due.metric, due.is_breached
FROM tickets CROSS JOIN LATERAL due_of_ticket(id) AS due
WHERE id = ANY($1::uuid[])
ON CONFLICT (ticket_id) DO NOTHING
"""
_WORDS: Final = """
SELECT keep_words(array_agg(ticket_id), array_agg(text)) FROM (
    SELECT ticket_id, text_of_fact(type, data::jsonb) AS text, sequence FROM facts
    WHERE ticket_id = ANY($1::uuid[])
    UNION ALL
    SELECT ticket_id, substr(text, 15900, 50000), sequence FROM texts
    WHERE ticket_id = ANY($1::uuid[])
    ORDER BY ticket_id, sequence
) AS said
"""

log = logs.get(__name__)


async def fill_some(connection: asyncpg.Connection) -> int | None:
    """Fill in the next tickets, and give their number; None: another process does it, or nothing
    is left."""
    async with connection.transaction():
        before: UUID | None = await connection.fetchval(_PLACE)
        if before is None:
            return None
        ids = [row["id"] for row in await connection.fetch(_NEXT, before, TICKETS)]
        if ids:
            await connection.execute(_QUEUE, ids)
            await connection.execute(_WORDS, ids)
        await connection.execute("UPDATE search_fill SET before = $1", ids[0] if ids else None)
        return len(ids)


async def fill_words(connection: asyncpg.Connection, ids: Sequence[UUID]) -> None:
    """Take the words of the tickets from their facts anew."""
    await connection.execute("DELETE FROM ticket_search WHERE ticket_id = ANY($1::uuid[])", ids)
    await connection.execute(_WORDS, ids)


class SearchFill:
    """Works until nothing is left, and then looks now and then whether that is still so."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock

    async def run(self) -> None:
        """Fill in until cancelled."""
        done = 0
        while True:
            filled = await retry_while_away(
                self._fill_some,
                on_retry=lambda error: log.warning("search_fill_waits", error=repr(error)),
            )
            done += filled or 0
            if not filled and done:
                log.info("search_filled_in", tickets=done)
                done = 0
            await self._clock.sleep(PAUSE if filled else LOOK_AGAIN)

    async def _fill_some(self) -> int | None:
        async with self._pool.acquire() as connection:
            return await fill_some(connection)
