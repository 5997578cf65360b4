"""The files of tickets: which there are, what the virus scanner said, what was uploaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

import asyncpg

from intake.domain.text import one_line
from pledge.events import AttachmentRef

MESSAGE_POSITION: Final = -1
MOST_OF_TICKET: Final = 2_000
"""Files of a ticket that are listed: a bound on what one page may cost."""
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file of a fact of a ticket. ``kind`` is files or messages; ``finding`` what the virus
    scanner said: None, it has not seen it; "", nothing; else what it found."""

    ticket_id: UUID
    sequence: int
    position: int
    desk: str
    kind: str
    name: str
    content_type: str
    size: int
    sha256: str
    key: str
    is_inline: bool
    content_id: str | None = None
    finding: str | None = None

    @property
    def id(self) -> str:
        """What names it among its ticket's: `3-0`, or `3-message`."""
        is_message = self.position == MESSAGE_POSITION
        return f"{self.sequence}-{'message' if is_message else self.position}"


_COLUMNS: Final = (
    "ticket_id", "sequence", "position", "desk", "kind", "name", "content_type", "size", "sha256",
    "key", "is_inline", "content_id",
)  # fmt: skip
_FINDING: Final = """
CASE WHEN scans.is_infected THEN coalesce(nullif(scans.finding, ''), 'infected')
     WHEN scans.key IS NOT NULL THEN '' END AS finding
"""
# The ticket's rows, and what its facts name from before there were rows: their bytes stand in the
# database.
_OF_TICKET: Final = f"""
SELECT files.*, {_FINDING} FROM (
    SELECT {", ".join(_COLUMNS)} FROM ticket_files WHERE ticket_id = $1
    UNION ALL
    SELECT facts.ticket_id, facts.sequence, (ref.place - 1)::int, facts.data ->> 'desk', 'files',
        left(ref.value ->> 'name', 255), left(ref.value ->> 'content_type', 200),
        (ref.value ->> 'size')::bigint, ref.value ->> 'sha256', ref.value ->> 'key',
        coalesce((ref.value ->> 'is_inline')::bool, false), ref.value ->> 'content_id'
    FROM facts CROSS JOIN LATERAL json_array_elements(
        CASE WHEN json_typeof(facts.data -> 'attachments') = 'array'
             THEN facts.data -> 'attachments' ELSE '[]' END) WITH ORDINALITY AS ref (value, place)
    WHERE facts.ticket_id = $1 AND facts.type <> 'pledge.ticket.email_requested.v1'
        AND NOT EXISTS (SELECT FROM ticket_files AS known WHERE known.ticket_id = $1
            AND known.sequence = facts.sequence AND known.position >= 0)
) AS files LEFT JOIN file_scans AS scans ON scans.desk = files.desk AND scans.key = files.key
"""  # noqa: S608 - constant names


def row_of(
    ticket_id: UUID, sequence: int, position: int, desk: str, kind: str, ref: AttachmentRef
) -> FileRow:
    """The row of a reference, which any gateway may have written."""
    return FileRow(
        ticket_id, sequence, position, desk, kind,
        name=one_line(ref.name, 255),
        content_type=one_line(ref.content_type, 200),
        size=min(ref.size, _LARGEST),
        sha256=one_line(ref.sha256, 64),
        key=one_line(ref.key, 300),
        is_inline=ref.is_inline,
        content_id=one_line(ref.content_id, 300) if ref.content_id else None,
    )  # fmt: skip


async def insert_files(connection: asyncpg.Connection, rows: Sequence[FileRow]) -> None:
    """Write which files facts have."""
    await connection.copy_records_to_table(
        "ticket_files",
        columns=_COLUMNS,
        records=[tuple(getattr(row, name) for name in _COLUMNS) for row in rows],
    )


async def of_ticket(connection: asyncpg.Connection, ticket_id: UUID) -> list[FileRow]:
    """The newest files and messages of the ticket, in the order of its facts."""
    rows = await connection.fetch(
        f"{_OF_TICKET} ORDER BY sequence DESC, position DESC LIMIT $2", ticket_id, MOST_OF_TICKET
    )
    return [_row(row) for row in reversed(rows)]


async def find(
    connection: asyncpg.Connection,
    ticket_id: UUID,
    place: tuple[int, int] | str,
    types: Sequence[str] | None = None,
) -> FileRow | None:
    """One file of the ticket: by sequence and position, or the first that has the SHA-256; with
    ``types`` no message, and only one of such a fact."""
    sequence, position = place if isinstance(place, tuple) else (None, None)
    row = await connection.fetchrow(
        f"""{_OF_TICKET}
        WHERE ($2::int IS NULL OR (files.sequence = $2 AND files.position = $3))
            AND ($4::text IS NULL OR files.sha256 = $4)
            AND ($5::text[] IS NULL OR files.position >= 0 AND EXISTS (SELECT FROM facts
                WHERE facts.ticket_id = $1 AND facts.sequence = files.sequence
                AND facts.type = ANY($5)))
        ORDER BY files.sequence, files.position LIMIT 1""",
        ticket_id, sequence, position, place if isinstance(place, str) else None, types,
    )  # fmt: skip
    return _row(row) if row else None


async def by_hash(connection: asyncpg.Connection, desk: str, sha256: str) -> FileRow | None:
    """The newest file of the desk with this content, if a ticket has one."""
    row = await connection.fetchrow(
        f"""
        SELECT {", ".join(f"files.{each}" for each in _COLUMNS)}, {_FINDING}
        FROM ticket_files AS files LEFT JOIN file_scans AS scans USING (desk, key)
        WHERE desk = $1 AND sha256 = $2 ORDER BY kept_at DESC LIMIT 1
        """,  # noqa: S608 - constant names
        desk,
        sha256,
    )
    return _row(row) if row else None


def _row(row: asyncpg.Record) -> FileRow:
    return FileRow(**{**dict(row), "ticket_id": UUID(int=row["ticket_id"].int)})


# ---- the virus scanner ----


async def not_scanned(
    connection: asyncpg.Connection, since: datetime, limit: int
) -> list[tuple[str, str, datetime]]:
    """Contents (desk, key, when kept) that came since then and were not scanned, oldest first."""
    rows = await connection.fetch(
        """
        SELECT files.desk, files.key, min(files.kept_at) AS kept_at FROM ticket_files AS files
        WHERE kept_at >= $1 AND NOT EXISTS
            (SELECT FROM file_scans WHERE desk = files.desk AND key = files.key)
        GROUP BY files.desk, files.key ORDER BY min(files.kept_at) LIMIT $2
        """,
        since,
        limit,
    )
    return [(row["desk"], row["key"], row["kept_at"]) for row in rows]


async def keep_scan(
    connection: asyncpg.Connection, desk: str, key: str, finding: str | None, now: datetime
) -> None:
    """Keep what the scanner said of the desk's content; None: it found nothing."""
    await connection.execute(
        """
        INSERT INTO file_scans (desk, key, is_infected, finding, scanned_at)
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (desk, key) DO UPDATE
        SET is_infected = excluded.is_infected, finding = excluded.finding,
            scanned_at = excluded.scanned_at
        """,
        desk, key, finding is not None, one_line(finding or "", 300), now,
    )  # fmt: skip


# ---- uploads ----


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was uploaded, by whom, for words on a ticket or (None) of one to come."""

    id: UUID
    desk: str
    ticket_id: UUID | None
    uploader: str
    ref: AttachmentRef


async def add_uploads(
    connection: asyncpg.Connection, uploads: Sequence[Upload], now: datetime
) -> None:
    """Write what was uploaded."""
    await connection.executemany(
        """
        INSERT INTO uploads
            (id, desk, ticket_id, uploader, name, content_type, size, sha256, key, uploaded_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        """,
        [
            (each.id, each.desk, each.ticket_id, each.uploader, each.ref.name,
             each.ref.content_type, each.ref.size, each.ref.sha256, each.ref.key, now)
            for each in uploads
        ],
    )  # fmt: skip


async def uploads_of(
    connection: asyncpg.Connection, desk: str, ids: Sequence[UUID]
) -> dict[UUID, Upload]:
    """The desk's uploads of these ids."""
    rows = await connection.fetch(
        "SELECT * FROM uploads WHERE desk = $1 AND id = ANY($2::uuid[])", desk, ids
    )
    return {
        UUID(int=row["id"].int): Upload(
            UUID(int=row["id"].int),
            row["desk"],
            UUID(int=row["ticket_id"].int) if row["ticket_id"] else None,
            row["uploader"],
            AttachmentRef(
                name=row["name"], content_type=row["content_type"], size=row["size"],
                sha256=row["sha256"], key=row["key"],
            ),
        )
        for row in rows
    }  # fmt: skip


# ---- what is over ----


async def forget_uploads(connection: asyncpg.Connection, before: datetime, limit: int) -> int:
    """Forget uploads of before that: how many. Their contents are deleted when no fact named them
    for long."""
    done: str = await connection.execute(
        """
        DELETE FROM uploads WHERE id IN
            (SELECT id FROM uploads WHERE uploaded_at < $1 ORDER BY uploaded_at LIMIT $2)
        """,
        before,
        limit,
    )
    return _count(done)


async def swept_to(connection: asyncpg.Connection, desk: str) -> date | None:
    """The day up to which the desk's contents without a fact were deleted."""
    found: date | None = await connection.fetchval(
        "SELECT swept_to FROM file_sweeps WHERE desk = $1", desk
    )
    return found


async def keep_swept_to(connection: asyncpg.Connection, desk: str, day: date) -> None:
    """Remember that the desk's contents were swept up to the day."""
    await connection.execute(
        """
        INSERT INTO file_sweeps AS known (desk, swept_to) VALUES ($1, $2)
        ON CONFLICT (desk) DO UPDATE SET swept_to = greatest(known.swept_to, excluded.swept_to)
        """,
        desk,
        day,
    )


async def named(connection: asyncpg.Connection, keys: Sequence[str]) -> set[str]:
    """Those of the keys that a fact or an upload names."""
    rows = await connection.fetch(
        """
        SELECT key FROM ticket_files WHERE key = ANY($1::text[])
        UNION SELECT key FROM uploads WHERE key = ANY($1::text[])
        """,
        keys,
    )
    return {row["key"] for row in rows}


async def forget_old_files(
    connection: asyncpg.Connection, desk: str, before: datetime, limit: int
) -> int:
    """Delete files of before that which stand in the database itself, as they once did."""
    done: str = await connection.execute(
        """
        DELETE FROM attachments WHERE (desk, sha256) IN
            (SELECT desk, sha256 FROM attachments WHERE desk = $1 AND stored_at < $2 LIMIT $3)
        """,
        desk, before, limit,
    )  # fmt: skip
    return _count(done)


def _count(done: str) -> int:
    return int(done.rpartition(" ")[2])
