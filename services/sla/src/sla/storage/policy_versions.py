"""The table of policy versions: every policy that was ever in force, as text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

import asyncpg

# Processes that start at the same moment insert a new version once: "policies" in ASCII.
_LOCK = 0x706F6C6963696573
# What the releases wrote that kept no calendar data has this instant, by the column's default.
NOT_RECORDED_AT = datetime(1990, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Version:
    """A policy of a desk, for tickets opened from `effective_from` on until the next one.

    Revisions have the same `text_version` and `effective_from`, and other calendar data; the one
    that was recorded last counts. Without `calendar_data` nobody recorded it.
    """

    desk: str
    version: str
    effective_from: datetime
    content: str
    is_superseded: bool
    text_version: str
    calendar_data: str | None
    recorded_at: datetime


async def lock(connection: asyncpg.Connection) -> None:
    """Let no other transaction insert versions until the end of this one."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)


_ALL = """
SELECT desk, version, effective_from, content, is_superseded,
       coalesce(text_version, version) AS text_version, calendar_data, recorded_at
FROM policy_versions ORDER BY desk, effective_from, recorded_at, version
"""


async def all_versions(connection: asyncpg.Connection) -> list[Version]:
    """The versions of every desk, oldest first, and of the revisions of one the newest last."""
    return [Version(**row) for row in await connection.fetch(_ALL)]


def newest_revisions(versions: Iterable[Version]) -> dict[tuple[str, str], Version]:
    """By desk and text, the revision that was recorded last."""
    found: dict[tuple[str, str], Version] = {}
    for version in sorted(versions, key=lambda each: (each.recorded_at, each.effective_from)):
        found[version.desk, version.text_version] = version
    return found


_APPLIED = """
SELECT DISTINCT ON (desk) desk, version FROM reassessments WHERE reason = 'policy_changed'
ORDER BY desk, reassessment_id DESC
"""


async def applied_versions(connection: asyncpg.Connection) -> dict[str, str]:
    """By desk, the version that its open tickets were put under last, by order."""
    return dict(await connection.fetch(_APPLIED))


_LAST_REVISION = """
SELECT max(reassessment_id) FROM reassessments WHERE reason = 'calendar_data_changed'
"""


async def last_revision(connection: asyncpg.Connection) -> int | None:
    """The last order to put tickets under revisions, of any desk."""
    found: int | None = await connection.fetchval(_LAST_REVISION)
    return found


_SUPERSEDE = """
UPDATE policy_versions SET is_superseded = true WHERE desk = $1 AND effective_from >= $2
"""


async def supersede(connection: asyncpg.Connection, desk: str, since: datetime) -> None:
    """Mark the versions of a desk that were planned to begin at `since` or later."""
    await connection.execute(_SUPERSEDE, desk, since)


_INSERT = """
INSERT INTO policy_versions
    (desk, effective_from, version, content, text_version, calendar_data, is_superseded,
     recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (desk, effective_from, version) DO UPDATE SET
    is_superseded = excluded.is_superseded, text_version = excluded.text_version,
    calendar_data = excluded.calendar_data, recorded_at = excluded.recorded_at
"""


async def insert(connection: asyncpg.Connection, version: Version) -> None:
    """Insert a version; one that is there counts again, as recorded last."""
    await connection.execute(
        _INSERT,
        version.desk,
        version.effective_from,
        version.version,
        version.content,
        version.text_version,
        version.calendar_data,
        version.is_superseded,
        version.recorded_at,
    )


_CONTENTS = """
SELECT DISTINCT ON (desk, version) desk, version, content, calendar_data
FROM policy_versions
JOIN unnest($1::text[], $2::text[]) AS wanted(desk, version) USING (desk, version)
ORDER BY desk, version, effective_from
"""


class StoredText(NamedTuple):
    """A version's text, and the calendar data recorded with it."""

    content: str
    calendar_data: str | None


async def contents(
    connection: asyncpg.Connection, wanted: Iterable[tuple[str, str]]
) -> dict[tuple[str, str], StoredText]:
    """The texts of these versions, by desk and version, as far as there are any."""
    pairs = list(wanted)
    rows = await connection.fetch(
        _CONTENTS, [desk for desk, _ in pairs], [version for _, version in pairs]
    )
    return {
        (row["desk"], row["version"]): StoredText(row["content"], row["calendar_data"])
        for row in rows
    }
