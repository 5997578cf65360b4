"""The delivery ledger: what became of each delivery, a row each."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from operator import attrgetter
from typing import Final
from uuid import UUID

import asyncpg


class Ending(StrEnum):
    """The one end of a delivery.

    `filed`: kept, and opens nothing, such as machine mail. `asked_back`: information is missing and
    was asked for. `refused`: its sender may not ask and was told so. `quarantined`: it can't be
    handled and is among the dead letters.
    """

    OPENED = "opened"
    APPENDED = "appended"
    DUPLICATE = "duplicate"
    FILED = "filed"
    ASKED_BACK = "asked_back"
    REFUSED = "refused"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True)
class Entry:
    """What became of one delivery; ``place`` is topic/partition/offset of its record."""

    desk: str
    channel: str
    ending: Ending
    reason: str
    taken_at: datetime
    sender: str | None
    subject: str
    ticket_id: UUID | None
    event_id: str
    place: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An entry with its id and the number of its ticket."""

    id: int
    entry: Entry
    ticket_number: str | None

    @property
    def is_machine_mail(self) -> bool:
        """Whether it was filed as a machine's and belongs to no ticket, so that an agent may open
        one of it."""
        entry = self.entry
        return (
            entry.ending is Ending.FILED
            and entry.channel == "email"
            and entry.ticket_id is None
            and entry.reason not in ("own_address", "unknown_type")
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are asked for; ``desks`` None: of all desks, and what names none."""

    desks: frozenset[str] | None
    ending: Ending | None = None
    channel: str | None = None
    ticket_id: UUID | None = None
    before: int | None = None
    limit: int = 50


_COLUMNS: Final = tuple(each.name for each in fields(Entry))
_ROW: Final = attrgetter(*_COLUMNS)
_NEWEST: Final = """
SELECT ledger.*, tickets.number FROM delivery_ledger AS ledger
LEFT JOIN tickets ON tickets.id = ledger.ticket_id
WHERE ($1::text[] IS NULL OR ledger.desk = ANY($1)) AND ($2::text IS NULL OR ledger.ending = $2)
    AND ($3::text IS NULL OR ledger.channel = $3) AND ($4::uuid IS NULL OR ledger.ticket_id = $4)
    AND ($5::bigint IS NULL OR ledger.id < $5)
ORDER BY ledger.id DESC LIMIT $6
"""
_FIND: Final = """
SELECT ledger.*, tickets.number FROM delivery_ledger AS ledger
LEFT JOIN tickets ON tickets.id = ledger.ticket_id
WHERE ledger.id = $1
"""
_END_ANEW: Final = """
UPDATE delivery_ledger SET ending = $2, reason = $3, ticket_id = $4 WHERE id = $1
"""
_REMOVE: Final = """
DELETE FROM delivery_ledger WHERE id IN (
    SELECT id FROM delivery_ledger ORDER BY id LIMIT $2
) AND taken_at < $1
"""


async def write(connection: asyncpg.Connection, entries: Sequence[Entry]) -> None:
    """Add the entries, in one statement."""
    await connection.copy_records_to_table(
        "delivery_ledger", columns=_COLUMNS, records=[_ROW(each) for each in entries]
    )


async def newest(connection: asyncpg.Connection, wanted: Wanted) -> list[Shown]:
    """The entries, newest first; one more than the limit, if there are so many."""
    desks = None if wanted.desks is None else sorted(wanted.desks)
    rows = await connection.fetch(
        _NEWEST, desks, wanted.ending, wanted.channel, wanted.ticket_id, wanted.before,
        wanted.limit + 1,
    )  # fmt: skip
    return [_shown(row) for row in rows]


async def find(connection: asyncpg.Connection, entry_id: int) -> Shown | None:
    """The entry, if there is one that the connection may see."""
    row = await connection.fetchrow(_FIND, entry_id)
    return _shown(row) if row else None


async def lock(connection: asyncpg.Connection, entry_id: int) -> Shown | None:
    """The entry, which is the transaction's alone until it ends."""
    row = await connection.fetchrow(f"{_FIND} FOR UPDATE OF ledger", entry_id)
    return _shown(row) if row else None


async def end_anew(
    connection: asyncpg.Connection, entry_id: int, ending: Ending, reason: str, ticket_id: UUID
) -> None:
    """Give the entry another end."""
    await connection.execute(_END_ANEW, entry_id, ending, reason, ticket_id)


def _shown(row: asyncpg.Record) -> Shown:
    ticket = row["ticket_id"]
    values = {name: row[name] for name in _COLUMNS}
    values["ending"] = Ending(row["ending"])
    values["ticket_id"] = UUID(int=ticket.int) if ticket else None
    return Shown(row["id"], Entry(**values), row["number"])


async def remove_old(connection: asyncpg.Connection, before: datetime, limit: int) -> int:
    """Remove the oldest entries from before the instant, so many at most; how many they were."""
    done = await connection.execute(_REMOVE, before, limit)
    return int(done.rpartition(" ")[2])
