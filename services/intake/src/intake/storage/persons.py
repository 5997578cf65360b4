"""A person's data of a desk: finding it ticket by ticket, and writing what is left without it."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import asyncpg
from pydantic_core import from_json, to_json

from intake.domain.command_registry import State
from intake.domain.erasure import ERASED


@dataclass(frozen=True, slots=True)
class Named:
    """A ticket whose records name the person; ``is_requester``: it is theirs."""

    id: UUID
    number: str
    state: State
    is_requester: bool
    subject: str
    details: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """A fact of a ticket, with its whole text where it repeats only a part."""

    sequence: int
    type: str
    occurred_at: datetime
    data: dict[str, Any]
    text: str | None


_PAGE: Final = """
WITH page AS (SELECT * FROM tickets WHERE desk = $1 AND id > $2 ORDER BY id LIMIT $3)
SELECT id, number, state, subject_line, details, requester IS NOT DISTINCT FROM $4 AS is_requester,
    (coalesce(requester = $4, false) OR position($5 IN lower(details::text)) > 0
    OR position($4 IN lower(subject_line)) > 0
    OR EXISTS (SELECT FROM facts
        WHERE ticket_id = page.id AND position($5 IN lower(data::text)) > 0)
    OR EXISTS (SELECT FROM texts WHERE ticket_id = page.id AND position($4 IN lower(text)) > 0)
    ) AS is_named
FROM page ORDER BY id
"""


async def named_in(
    connection: asyncpg.Connection, desk: str, key: str, after: UUID, limit: int
) -> tuple[list[Named], UUID | None]:
    """Those of the desk's next tickets that name the person, and after which to go on; None: all
    were looked at."""
    within_json = to_json(key).decode()[1:-1]
    rows = await connection.fetch(_PAGE, desk, after, limit, key, within_json)
    found = [
        Named(
            UUID(int=row["id"].int),
            row["number"],
            State(row["state"]),
            row["is_requester"],
            row["subject_line"],
            row["details"],
        )
        for row in rows
        if row["is_named"]
    ]
    return found, UUID(int=rows[-1]["id"].int) if len(rows) == limit else None


async def names_known(connection: asyncpg.Connection, desk: str, key: str) -> frozenset[str]:
    """The names under which the person opened tickets."""
    rows = await connection.fetch(
        """
        SELECT DISTINCT details -> 'requester' ->> 'name' AS name FROM tickets
        WHERE desk = $1 AND requester = $2 AND details -> 'requester' ->> 'name' IS NOT NULL
        """,
        desk,
        key,
    )
    return frozenset(row["name"].strip() for row in rows) - {""}


@dataclass(frozen=True, slots=True)
class Locked:
    """What of a ticket's row may name somebody."""

    state: State
    requester: str | None
    subject: str
    details: dict[str, Any]


async def lock(connection: asyncpg.Connection, ticket_id: UUID) -> Locked | None:
    """The ticket's row, locked until the transaction ends."""
    row = await connection.fetchrow(
        "SELECT state, requester, subject_line, details FROM tickets WHERE id = $1 FOR UPDATE",
        ticket_id,
    )
    if row is None:
        return None
    return Locked(State(row["state"]), row["requester"], row["subject_line"], row["details"])


async def said_on(connection: asyncpg.Connection, ticket_id: UUID) -> list[Said]:
    """All facts of the ticket, in order."""
    rows = await connection.fetch(
        """
        SELECT sequence, type, occurred_at, data, text FROM facts
        LEFT JOIN texts USING (ticket_id, sequence) WHERE ticket_id = $1 ORDER BY sequence
        """,
        ticket_id,
    )
    return [
        Said(row["sequence"], row["type"], row["occurred_at"], from_json(row["data"]), row["text"])
        for row in rows
    ]


async def rewrite_ticket(
    connection: asyncpg.Connection,
    ticket_id: UUID,
    subject: str,
    details: Mapping[str, Any],
    *,
    is_requester: bool,
) -> None:
    """Write the ticket without the person."""
    await connection.execute(
        """
        UPDATE tickets SET subject_line = $2, details = $3,
            requester = CASE WHEN $4 THEN NULL ELSE requester END
        WHERE id = $1
        """,
        ticket_id,
        subject,
        details,
        is_requester,
    )


async def rewrite_facts(
    connection: asyncpg.Connection,
    ticket_id: UUID,
    facts: Sequence[tuple[int, Mapping[str, Any], str | None]],
) -> None:
    """Write facts (sequence, data, whole text) without the person, and the words of the ticket's
    search anew."""
    await connection.executemany(
        "UPDATE facts SET data = $3::text::json WHERE ticket_id = $1 AND sequence = $2",
        [(ticket_id, sequence, to_json(data).decode()) for sequence, data, _ in facts],
    )
    await connection.executemany(
        "UPDATE texts SET text = $3 WHERE ticket_id = $1 AND sequence = $2",
        [(ticket_id, sequence, text) for sequence, _, text in facts if text is not None],
    )


_CONTENTS: Final = """
INSERT INTO erased_contents (desk, key, delete_after)
SELECT $1, key, $3 FROM unnest($2::text[]) AS gone(key)
ON CONFLICT (desk, key) DO UPDATE SET delete_after = excluded.delete_after
"""


async def erase_files(
    connection: asyncpg.Connection,
    desk: str,
    ticket_id: UUID,
    sequences: Sequence[int],
    old: Sequence[str],
    delete_after: datetime,
) -> int:
    """Forget the files and messages of these facts, and their contents soon; ``old`` are hashes of
    files that stand in the database itself. How many they were."""
    rows = await connection.fetch(
        """
        DELETE FROM ticket_files WHERE ticket_id = $1 AND sequence = ANY($2::int[]) RETURNING key
        """,
        ticket_id,
        sequences,
    )
    keys = sorted({row["key"] for row in rows})
    await connection.execute(_CONTENTS, desk, keys, delete_after)
    await connection.execute(
        """
        DELETE FROM file_scans WHERE desk = $1 AND key = ANY($2::text[])
            AND NOT EXISTS (SELECT FROM ticket_files WHERE ticket_files.key = file_scans.key)
        """,
        desk,
        keys,
    )
    await connection.execute(
        "DELETE FROM attachments WHERE desk = $1 AND sha256 = ANY($2::text[])", desk, old
    )
    return len(rows) + len(old)


_BESIDE: Final = {
    "deliveries": "SELECT channel, ending, reason, taken_at, sender, subject FROM delivery_ledger"
    " WHERE desk = $1 AND lower(sender) = $2 ORDER BY id",
    "sign_ins": "SELECT address, requested_at, used_at FROM sign_ins"
    " WHERE desk = $1 AND address = $2 ORDER BY requested_at",
    "uploads": "SELECT name, content_type, size, uploaded_at FROM uploads"
    " WHERE desk = $1 AND uploader = $2 ORDER BY uploaded_at",
    "maintenance_windows": "SELECT customer, starts_at, ends_at, note FROM maintenance_windows"
    " WHERE desk = $1 AND lower(set_by) = $2 ORDER BY starts_at",
}


async def beside_tickets(
    connection: asyncpg.Connection, desk: str, key: str
) -> dict[str, list[dict[str, Any]]]:
    """What is kept of the person beside tickets, by kind."""
    return {
        kind: [dict(row) for row in await connection.fetch(statement, desk, key)]
        for kind, statement in _BESIDE.items()
    }


async def erase_beside(
    connection: asyncpg.Connection, desk: str, key: str, delete_after: datetime
) -> None:
    """Erase what is kept of the person beside tickets; entries of the ledger stay, without them."""
    await connection.execute(
        "UPDATE delivery_ledger SET sender = NULL, subject = ''"
        " WHERE desk = $1 AND lower(sender) = $2",
        desk, key,
    )  # fmt: skip
    await connection.execute("DELETE FROM sign_ins WHERE desk = $1 AND address = $2", desk, key)
    rows = await connection.fetch(
        "DELETE FROM uploads WHERE desk = $1 AND uploader = $2 RETURNING key", desk, key
    )
    keys = sorted({row["key"] for row in rows})
    await connection.execute(_CONTENTS, desk, keys, delete_after)
    await connection.execute(
        "UPDATE maintenance_windows SET set_by = $3 WHERE desk = $1 AND lower(set_by) = $2",
        desk, key, ERASED,
    )  # fmt: skip


async def erase_in_ledger(connection: asyncpg.Connection, ticket_id: UUID) -> None:
    """Take sender and subject out of the entries of deliveries to the ticket."""
    await connection.execute(
        "UPDATE delivery_ledger SET sender = NULL, subject = '' WHERE ticket_id = $1", ticket_id
    )


async def erase_mails(
    connection: asyncpg.Connection, ticket_id: UUID, key: str, *, all_words: bool
) -> None:
    """Forget what became of the ticket's mails to the person, and of those that name them; with
    `all_words` of all."""
    await connection.execute(
        "DELETE FROM mail_states WHERE ticket_id = $1"
        " AND ($3 OR position($2 IN lower(recipient || ' ' || detail)) > 0)",
        ticket_id,
        key,
        all_words,
    )


async def erase_drafts(connection: asyncpg.Connection, ticket_id: UUID) -> None:
    """Forget what was written on the finished ticket and never sent, whomever it names."""
    await connection.execute("DELETE FROM drafts WHERE ticket_id = $1", ticket_id)


_AUDIT: Final = """
INSERT INTO erasures AS known (id, desk, person, by, began_at, ended_at, tickets, files)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at,
    tickets = known.tickets + excluded.tickets, files = known.files + excluded.files
WHERE known.desk = excluded.desk AND known.person = excluded.person
"""


async def note_erasure(
    connection: asyncpg.Connection,
    id_: UUID,
    desk: str,
    key: str,
    by: str,
    now: datetime,
    counts: tuple[int, int],
    *,
    is_done: bool,
) -> None:
    """Write that so many tickets and files were erased, by whom; a part of one erasure."""
    person = hashlib.sha256(f"{desk}\0{key}".encode()).digest()
    await connection.execute(_AUDIT, id_, desk, person, by, now, now if is_done else None, *counts)


# ---- contents that are to go ----


async def contents_to_delete(
    connection: asyncpg.Connection, now: datetime, limit: int
) -> list[tuple[str, str]]:
    """Contents (desk, key) of erased files whose time has come."""
    rows = await connection.fetch(
        "SELECT desk, key FROM erased_contents WHERE delete_after <= $1 LIMIT $2", now, limit
    )
    return [(row["desk"], row["key"]) for row in rows]


async def contents_deleted(connection: asyncpg.Connection, desk: str, keys: Sequence[str]) -> None:
    """Forget what was to be deleted."""
    await connection.execute(
        "DELETE FROM erased_contents WHERE desk = $1 AND key = ANY($2::text[])", desk, keys
    )
