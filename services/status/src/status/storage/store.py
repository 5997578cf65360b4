"""The database of the status service. A change of a desk's page locks its row of `pages` first."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from status.domain.components import Component, ComponentDefinition, ComponentStatus
from status.domain.incidents import Incident
from status.domain.page_state import in_page_order
from status.domain.reports import Report
from status.storage import rows

CHANNEL = "status_pages"
"""A desk's id is announced here when a transaction that changed its page commits."""

UUID_LENGTH = 36
SHOWN = 50
"""How many incidents, and how many maintenances, a page caches in addition to the open ones."""

ANSWERS_KEPT_FOR = timedelta(days=1)


class Version(NamedTuple):
    """How often a desk's page has changed, and when it last did."""

    version: int
    updated_at: datetime


async def lock(connection: asyncpg.Connection, desks: Collection[str]) -> None:
    """Lock the pages of `desks` until the transaction ends, in an order that cannot deadlock."""
    await connection.execute(
        "SELECT FROM pages WHERE desk = ANY($1::text[]) ORDER BY desk FOR UPDATE", list(desks)
    )


async def touch(connection: asyncpg.Connection, desks: Collection[str], now: datetime) -> None:
    """Note that the pages of `desks` changed at `now`, and announce it on commit."""
    await connection.execute(
        """
        WITH changed AS (
            UPDATE pages SET version = version + 1, updated_at = greatest(updated_at, $2)
            WHERE desk = ANY($1::text[]) RETURNING desk
        )
        SELECT pg_notify($3, desk) FROM changed
        """,
        list(desks),
        now,
        CHANNEL,
    )


async def versions(connection: asyncpg.Connection) -> dict[str, Version]:
    """The version of every desk's page."""
    found = await connection.fetch("SELECT desk, version, updated_at FROM pages")
    return {row["desk"]: Version(row["version"], row["updated_at"]) for row in found}


async def sync_components(
    connection: asyncpg.Connection,
    desk: str,
    definitions: Sequence[ComponentDefinition],
    now: datetime,
) -> bool:
    """Bring the desk's components in line with its file; whether anything changed."""
    await connection.execute(
        "INSERT INTO pages (desk, version, updated_at) VALUES ($1, 0, $2) ON CONFLICT DO NOTHING",
        desk,
        now,
    )
    await lock(connection, [desk])
    changed = await _define(connection, desk, definitions, now)
    retired = await connection.fetch(
        "UPDATE components SET retired_at = $3"
        " WHERE desk = $1 AND retired_at IS NULL AND id <> ALL($2::text[]) RETURNING id",
        desk,
        [one.id for one in definitions],
        now,
    )
    if changed or retired:
        await touch(connection, [desk], now)
    return bool(changed or retired)


async def _define(
    connection: asyncpg.Connection,
    desk: str,
    definitions: Sequence[ComponentDefinition],
    now: datetime,
) -> list[asyncpg.Record]:
    """Write the definitions; gives the components that are new or have changed."""
    names = [name for name in ComponentDefinition.__dataclass_fields__ if name != "id"]
    columns = ", ".join(names)
    excluded = ", ".join(f"excluded.{name}" for name in names)
    current = ", ".join(f"components.{name}" for name in names)
    found: list[asyncpg.Record] = await connection.fetch(
        # What is put together here is our own list of columns.
        f"""
        INSERT INTO components (desk, id, {columns}, status, created_at, updated_at)
        SELECT $1, id, {columns}, $3, $4, $4
        FROM jsonb_populate_recordset(NULL::components, $2)
        ON CONFLICT (desk, id) DO UPDATE SET ({columns}, retired_at) = ({excluded}, NULL),
            -- One that comes back is operational, unless an open incident names it.
            status = CASE WHEN components.retired_at IS NULL OR EXISTS (
                SELECT FROM incidents
                WHERE desk = $1 AND resolved_at IS NULL AND claims ? components.id
            ) THEN components.status ELSE excluded.status END
        WHERE ({current}) IS DISTINCT FROM ({excluded}) OR components.retired_at IS NOT NULL
        RETURNING id
        """,  # noqa: S608
        desk,
        [{name: getattr(one, name) for name in ("id", *names)} for one in definitions],
        ComponentStatus.OPERATIONAL,
        now,
    )
    return found


async def components_of(
    connection: asyncpg.Connection, desks: Collection[str]
) -> dict[str, tuple[Component, ...]]:
    """The components of each of `desks`, in the page's order."""
    found = await connection.fetch(
        "SELECT * FROM components WHERE desk = ANY($1::text[]) AND retired_at IS NULL", list(desks)
    )
    by_desk: dict[str, list[Component]] = {desk: [] for desk in desks}
    for row in found:
        by_desk[row["desk"]].append(rows.component(row))
    return {desk: in_page_order(components) for desk, components in by_desk.items()}


async def open_incidents(
    connection: asyncpg.Connection, desks: Collection[str], *, also: Collection[UUID] = ()
) -> list[Incident]:
    """Open incidents and maintenances of `desks`, and those named in `also`, newest first."""
    found = await connection.fetch(
        "SELECT * FROM incidents WHERE desk = ANY($1::text[])"
        " AND (resolved_at IS NULL OR uid = ANY($2::uuid[])) ORDER BY created_at DESC, uid DESC",
        list(desks),
        list(also),
    )
    return await _with_updates(connection, found)


async def shown_incidents(connection: asyncpg.Connection, desk: str) -> list[Incident]:
    """What the page keeps in memory: all that is open, and the newest of each kind."""
    found = await connection.fetch(
        """
        SELECT * FROM incidents WHERE desk = $1 AND resolved_at IS NULL
        UNION
        (SELECT * FROM incidents WHERE desk = $1 AND window_starts_at IS NULL
         ORDER BY created_at DESC, uid DESC LIMIT $2)
        UNION
        (SELECT * FROM incidents WHERE desk = $1 AND window_starts_at IS NOT NULL
         ORDER BY created_at DESC, uid DESC LIMIT $2)
        ORDER BY created_at DESC, uid DESC
        """,
        desk,
        SHOWN,
    )
    return await _with_updates(connection, found)


async def find_incident(connection: asyncpg.Connection, incident_id: str) -> Incident | None:
    """The incident with that public id, or that id on the bus, whatever its desk."""
    is_public = len(incident_id) < UUID_LENGTH
    found = await connection.fetch(
        "SELECT * FROM incidents WHERE id = $1"
        if is_public
        else "SELECT * FROM incidents WHERE uid = $1::text::uuid",
        incident_id,
    )
    incidents = await _with_updates(connection, found)
    return incidents[0] if incidents else None


async def desk_of(connection: asyncpg.Connection, uid: UUID) -> str | None:
    """The desk of an incident or maintenance; None if there is no such one."""
    desk: str | None = await connection.fetchval("SELECT desk FROM incidents WHERE uid = $1", uid)
    return desk


async def due_maintenances(
    connection: asyncpg.Connection, horizon: datetime, limit: int
) -> list[tuple[datetime, UUID]]:
    """Open maintenances whose window begins or ends before `horizon`, earliest first."""
    found = await connection.fetch(
        """
        SELECT due, uid FROM (
            SELECT uid, CASE WHEN status = 'scheduled' THEN window_starts_at ELSE window_ends_at END
                AS due
            FROM incidents WHERE resolved_at IS NULL AND window_starts_at IS NOT NULL
        ) AS planned
        WHERE due < $1 ORDER BY due LIMIT $2
        """,
        horizon,
        limit,
    )
    return [(row["due"], row["uid"]) for row in found]


async def list_incidents(
    connection: asyncpg.Connection,
    desks: Collection[str],
    *,
    only_open: bool,
    before: tuple[datetime, UUID] | None,
    limit: int,
) -> list[Incident]:
    """Incidents and maintenances of `desks`, newest first, older than `before`."""
    found = await connection.fetch(
        """
        SELECT * FROM incidents
        WHERE desk = ANY($1::text[]) AND (NOT $2 OR resolved_at IS NULL)
          AND ($3::timestamptz IS NULL OR (created_at, uid) < ($3, $4::uuid))
        ORDER BY created_at DESC, uid DESC LIMIT $5
        """,
        list(desks),
        only_open,
        before[0] if before else None,
        before[1] if before else None,
        limit,
    )
    return await _with_updates(connection, found)


async def _with_updates(
    connection: asyncpg.Connection, found: Sequence[asyncpg.Record]
) -> list[Incident]:
    if not found:
        return []
    updates = await connection.fetch(
        "SELECT * FROM updates WHERE incident = ANY($1::uuid[]) ORDER BY position DESC",
        [row["uid"] for row in found],
    )
    by_incident = rows.grouped(updates)
    return [rows.incident(row, by_incident.get(row["uid"], [])) for row in found]


async def save_incidents(connection: asyncpg.Connection, incidents: Iterable[Incident]) -> None:
    """Write incidents that each got exactly one update since they were read."""
    changed = list(incidents)
    if not changed:
        return
    await connection.execute(
        """
        INSERT INTO incidents SELECT * FROM jsonb_populate_recordset(NULL::incidents, $1)
        ON CONFLICT (uid) DO UPDATE SET
            name = excluded.name, status = excluded.status, impact = excluded.impact,
            updated_at = excluded.updated_at, monitoring_at = excluded.monitoring_at,
            resolved_at = excluded.resolved_at, claims = excluded.claims,
            window_starts_at = excluded.window_starts_at, window_ends_at = excluded.window_ends_at,
            revision = excluded.revision, disproved_at = excluded.disproved_at
        """,
        [rows.incident_row(one) for one in changed],
    )
    await connection.execute(
        "INSERT INTO updates SELECT * FROM jsonb_populate_recordset(NULL::updates, $1)",
        [rows.newest_update_row(one) for one in changed],
    )


async def save_disproved(connection: asyncpg.Connection, incidents: Iterable[Incident]) -> None:
    """Write which incidents were disproved, and when; nothing else of them has changed."""
    changed = list(incidents)
    if changed:
        await connection.execute(
            "UPDATE incidents SET disproved_at = new.at"
            " FROM unnest($1::uuid[], $2::timestamptz[]) AS new (uid, at)"
            " WHERE incidents.uid = new.uid",
            [one.uid for one in changed],
            [one.disproved_at for one in changed],
        )


async def save_components(
    connection: asyncpg.Connection, desk: str, components: Iterable[Component]
) -> None:
    """Write the status of components of `desk`."""
    changed = list(components)
    if not changed:
        return
    await connection.execute(
        """
        UPDATE components SET status = new.status, updated_at = $5, revision = new.revision
        FROM unnest($2::text[], $3::text[], $4::bigint[]) AS new (id, status, revision)
        WHERE components.desk = $1 AND components.id = new.id
        """,
        desk,
        [one.id for one in changed],
        [one.status for one in changed],
        [one.revision for one in changed],
        max(one.updated_at for one in changed),
    )


async def reports_of(
    connection: asyncpg.Connection, tickets: Collection[UUID]
) -> dict[UUID, Report]:
    """What is known of `tickets`, by ticket."""
    found = await connection.fetch(
        "SELECT * FROM reports WHERE ticket_id = ANY($1::uuid[])", list(tickets)
    )
    return {row["ticket_id"]: rows.report(row) for row in found}


async def save_reports(connection: asyncpg.Connection, reports: Iterable[Report]) -> None:
    """Write reports, new and known ones."""
    changed = [rows.report_row(one) for one in reports]
    if not changed:
        return
    await connection.execute(
        """
        INSERT INTO reports SELECT * FROM jsonb_populate_recordset(NULL::reports, $1)
        ON CONFLICT (ticket_id) DO UPDATE SET
            severity = excluded.severity, product = excluded.product,
            is_confirmed = excluded.is_confirmed, known_incident = excluded.known_incident,
            broken = excluded.broken, incident = excluded.incident, heard = excluded.heard,
            withdrawals = excluded.withdrawals
        """,
        changed,
    )


async def tickets_of(
    connection: asyncpg.Connection, incidents: Collection[UUID], *, limit: int
) -> dict[UUID, list[tuple[UUID, str]]]:
    """Ticket ids and numbers that belong to each of `incidents`, at most `limit` of each."""
    found = await connection.fetch(
        """
        SELECT one.incident, ticket_id, number
        FROM unnest($1::uuid[]) AS one (incident), LATERAL (
            SELECT ticket_id, number FROM reports
            WHERE reports.incident = one.incident ORDER BY ticket_id LIMIT $2
        ) AS known
        """,
        list(incidents),
        limit,
    )
    tickets: dict[UUID, list[tuple[UUID, str]]] = {uid: [] for uid in incidents}
    for row in found:
        tickets[row["incident"]].append((row["ticket_id"], row["number"]))
    return tickets


class Answer(NamedTuple):
    """What a request with an idempotency key was answered."""

    fingerprint: bytes
    status: int
    body: Any


async def answer_of(connection: asyncpg.Connection, subject: str, key: str) -> Answer | None:
    """The answer that `subject` got under `key`, if it is still kept."""
    row = await connection.fetchrow(
        "SELECT fingerprint, status, body FROM answers WHERE subject = $1 AND key = $2",
        subject,
        key,
    )
    return Answer(row["fingerprint"], row["status"], row["body"]) if row else None


async def keep_answer(
    connection: asyncpg.Connection, subject: str, key: str, answer: Answer, now: datetime
) -> None:
    """Keep `answer` for a repeat of the request, and drop those that are too old.

    Raises asyncpg.UniqueViolationError when the same request is being answered others.
    """
    await connection.execute("DELETE FROM answers WHERE given_at < $1", now - ANSWERS_KEPT_FOR)
    await connection.execute(
        "INSERT INTO answers (subject, key, fingerprint, status, body, given_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        subject,
        key,
        answer.fingerprint,
        answer.status,
        answer.body,
        now,
    )
