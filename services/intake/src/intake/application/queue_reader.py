"""The agents' queue for those who may see it: its pages, its counts, how far it is filled in."""

from dataclasses import dataclass

import asyncpg
from pydantic import TypeAdapter

from intake.application.desk_scope import reading
from intake.storage import queue
from intake.storage.queue import MOST_COUNTED, NEVER, Place, Queued, View, Wanted
from pledge.runtime.auth.access import Principal
from pledge.runtime.cursors import Cursors

CURSORS = Cursors(TypeAdapter(Place))


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of the queue. ``following`` is the cursor of the next one, or None."""

    rows: list[Queued]
    following: str | None
    counts: dict[View, str]
    is_filled: bool


class QueueReader:
    """Reads the queue as a principal may see it."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def page(self, principal: Principal, wanted: Wanted) -> QueuePage:
        """A page with the counts of the views on the same desks."""
        async with reading(self._pool, principal.desks) as connection:
            found = await queue.page(connection, wanted)
            counted = await queue.counts(connection, wanted.desks, principal.subject)
            is_filled = await connection.fetchval("SELECT before IS NULL FROM search_fill")
        rows, following = CURSORS.page(found, wanted.limit, _place)
        return QueuePage(
            list(rows),
            following,
            {view: f"{min(count, MOST_COUNTED):,}" + "+" * (count > MOST_COUNTED)
             for view, count in counted.items()},
            bool(is_filled),
        )  # fmt: skip

    async def people(self, desks: frozenset[str]) -> dict[str, str]:
        """Whom unfinished tickets of the desks are assigned to: id to name, empty without one."""
        async with reading(self._pool, desks) as connection:
            return await queue.people(connection, desks)


def _place(row: Queued) -> Place:
    return Place(row.due_at or NEVER, row.ticket.id)
