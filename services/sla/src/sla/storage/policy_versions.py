"""The table of policy versions: every policy that was ever in force, as text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import asyncpg

# Processes that start at the same moment insert a new version once: "policies" in ASCII.
_LOCK = 0x706F6C6963696573


@dataclass(frozen=True, slots=True)
class Version:
    """A policy of a desk, for tickets opened from `effective_from` on until the next one."""

    desk: str
    version: str
    effective_from: datetime
    content: str
    is_superseded: bool


async def lock(connection: asyncpg.Connection) -> None:
    """Let no other transaction insert versions until the end of this one."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)


_ALL = """
SELECT desk, version, effective_from, content, is_superseded FROM policy_versions
ORDER BY desk, effective_from
"""


async def all_versions(connection: asyncpg.Connection) -> list[Version]:
    """The versions of every desk, oldest first."""
    return [Version(**row) for row in await connection.fetch(_ALL)]


_APPLIED = """
SELECT DISTINCT ON (desk) desk, version FROM reassessments ORDER BY desk, reassessment_id DESC
"""


async def applied_versions(connection: asyncpg.Connection) -> dict[str, str]:
    """By desk, the version that its open tickets were put under last, by order."""
    return dict(await connection.fetch(_APPLIED))


_SUPERSEDE = """
UPDATE policy_versions SET is_superseded = true WHERE desk = $1 AND effective_from >= $2
"""


async def supersede(connection: asyncpg.Connection, desk: str, since: datetime) -> None:
    """Mark the versions of a desk that were planned to begin at `since` or later."""
    await connection.execute(_SUPERSEDE, desk, since)


_INSERT = """
INSERT INTO policy_versions (desk, effective_from, version, content) VALUES ($1, $2, $3, $4)
ON CONFLICT (desk, effective_from, version) DO UPDATE SET is_superseded = false
"""


async def insert(
    connection: asyncpg.Connection, desk: str, effective_from: datetime, version: str, content: str
) -> None:
    """Insert a version; one that was superseded counts again."""
    await connection.execute(_INSERT, desk, effective_from, version, content)


_CONTENTS = """
SELECT DISTINCT ON (desk, version) desk, version, content
FROM policy_versions
JOIN unnest($1::text[], $2::text[]) AS wanted(desk, version) USING (desk, version)
ORDER BY desk, version, effective_from
"""


async def contents(
    connection: asyncpg.Connection, wanted: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    """The texts of these versions, by desk and version, as far as there are any."""
    pairs = list(wanted)
    rows = await connection.fetch(
        _CONTENTS, [desk for desk, _ in pairs], [version for _, version in pairs]
    )
    return {(row["desk"], row["version"]): row["content"] for row in rows}
