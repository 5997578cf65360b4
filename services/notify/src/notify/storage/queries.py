"""What lists and pages show, read from notify's tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from pydantic import TypeAdapter

from pledge.runtime.cursors import Cursors
from pledge.runtime.instants import Instant, utc_text

CURSORS = Cursors(TypeAdapter(tuple[Instant, UUID]))
"""Of both lists: when a row was made, and its id."""


@dataclass(frozen=True, slots=True)
class PageFilter:
    """Which pages to list. `desks` None: all; `ticket` is a number or an id."""

    desks: Sequence[str] | None
    states: Sequence[str] | None = None
    ticket: str | None = None
    is_late: bool | None = None


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries to list. `desks` None: all; `ticket` is a number or an id."""

    desks: Sequence[str] | None
    states: Sequence[str] | None = None
    kinds: Sequence[str] | None = None
    ticket: str | None = None
    page_id: UUID | None = None


_PAGES = """
SELECT id, desk, about, breach_id, route, summary, severity, metric, due_at, occurred_at,
    detected_at, is_late, policy, state, step, round, next_step_at, raised_at, acknowledged_at,
    acknowledged_by, resolved_at, resolution
FROM pages
WHERE ($1::text[] IS NULL OR desk = ANY($1))
    AND ($2::text[] IS NULL OR state = ANY($2))
    AND ($3::text IS NULL OR about->>'number' = $3 OR subject = $3)
    AND ($4::boolean IS NULL OR is_late = $4)
    AND ($5::timestamptz IS NULL OR (raised_at, id) < ($5, $6::uuid))
ORDER BY raised_at DESC, id DESC LIMIT $7
"""
_PAGE = _PAGES.partition("WHERE")[0] + "WHERE id = $1"
_DELIVERIES = """
SELECT id, desk, channel, kind, target, about, page_id, state, attempts, next_attempt_at, reason,
    detail, created_at, finished_at, context->>'template' AS template,
    (context->>'step')::int AS step, (context->>'round')::int AS round,
    (SELECT outcome FROM calls WHERE delivery_id = deliveries.id ORDER BY told_at DESC LIMIT 1)
        AS call
FROM deliveries
WHERE ($1::text[] IS NULL OR desk = ANY($1))
    AND ($2::text[] IS NULL OR state = ANY($2))
    AND ($3::text[] IS NULL OR kind = ANY($3))
    AND ($4::text IS NULL OR about->>'number' = $4 OR about->>'ticket_id' = $4)
    AND ($5::uuid IS NULL OR page_id = $5)
    AND ($6::timestamptz IS NULL OR (created_at, id) < ($6, $7::uuid))
ORDER BY created_at DESC, id DESC LIMIT $8
"""
_RETRY = """
UPDATE deliveries SET state = 'pending', next_attempt_at = $2, attempts = 0, claimed_by = NULL,
    created_at = $2, finished_at = NULL
WHERE id = $1 AND state = 'failed' RETURNING lane
"""


async def list_pages(
    pool: asyncpg.Pool, wanted: PageFilter, cursor: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """Pages, newest first, and the cursor of what follows. Raises BadCursor."""
    after = CURSORS.decode(cursor) if cursor is not None else (None, None)
    rows = await pool.fetch(
        _PAGES, wanted.desks, wanted.states, wanted.ticket, wanted.is_late, *after, limit + 1
    )
    shown, following = CURSORS.page(rows, limit, lambda row: (row["raised_at"], row["id"]))
    return [page_json(row) for row in shown], following


async def find_page(pool: asyncpg.Pool, page_id: UUID) -> dict[str, Any] | None:
    """One page; None if there is none."""
    row = await pool.fetchrow(_PAGE, page_id)
    return page_json(row) if row else None


async def list_deliveries(
    pool: asyncpg.Pool, wanted: DeliveryFilter, cursor: str | None, limit: int
) -> tuple[list[dict[str, Any]], str | None]:
    """Deliveries, newest first, and the cursor of what follows. Raises BadCursor."""
    after = CURSORS.decode(cursor) if cursor is not None else (None, None)
    rows = await pool.fetch(
        _DELIVERIES,
        wanted.desks,
        wanted.states,
        wanted.kinds,
        wanted.ticket,
        wanted.page_id,
        *after,
        limit + 1,
    )
    shown, following = CURSORS.page(rows, limit, lambda row: (row["created_at"], row["id"]))
    return [_delivery_json(row) for row in shown], following


async def delivery_desk(pool: asyncpg.Pool, delivery_id: UUID) -> tuple[str, str] | None:
    """Desk and state of a delivery; None if there is none."""
    row = await pool.fetchrow("SELECT desk, state FROM deliveries WHERE id = $1", delivery_id)
    return (row["desk"], row["state"]) if row else None


async def retry_delivery(pool: asyncpg.Pool, delivery_id: UUID, now: datetime) -> str | None:
    """Let a failed delivery be tried again; its lane, or None when it had not failed."""
    lane: str | None = await pool.fetchval(_RETRY, delivery_id, now)
    return lane


def page_json(row: Mapping[str, Any]) -> dict[str, Any]:
    """A page as the API gives it."""
    about = row["about"]
    return {
        "id": str(row["id"]),
        "desk": row["desk"],
        "state": row["state"],
        "summary": row["summary"],
        "ticket_id": about.get("ticket_id"),
        "ticket_number": about.get("number"),
        "incident_id": about.get("incident_id"),
        "breach_id": str(row["breach_id"]) if row["breach_id"] else None,
        "severity": row["severity"],
        "metric": row["metric"],
        "due_at": utc_text(row["due_at"]),
        "occurred_at": utc_text(row["occurred_at"]),
        "detected_at": utc_text(row["detected_at"]),
        "raised_at": utc_text(row["raised_at"]),
        "is_late": row["is_late"],
        "route": row["route"],
        "policy": row["policy"]["name"],
        "step": row["step"],
        "steps": len(row["policy"]["steps"]),
        "round": row["round"],
        "next_step_at": utc_text(row["next_step_at"]),
        "acknowledged_at": utc_text(row["acknowledged_at"]),
        "acknowledged_by": row["acknowledged_by"],
        "resolved_at": utc_text(row["resolved_at"]),
        "resolution": row["resolution"],
    }


def _delivery_json(row: Mapping[str, Any]) -> dict[str, Any]:
    about = row["about"]
    return {
        "id": str(row["id"]),
        "desk": row["desk"],
        "state": row["state"],
        "kind": row["kind"],
        "channel": row["channel"],
        "target": row["target"],
        "template": row["template"],
        "ticket_id": about.get("ticket_id"),
        "ticket_number": about.get("number"),
        "page_id": str(row["page_id"]) if row["page_id"] else None,
        "step": row["step"],
        "round": row["round"],
        "attempts": row["attempts"],
        "next_attempt_at": utc_text(row["next_attempt_at"]),
        "reason": row["reason"],
        "detail": row["detail"],
        "created_at": utc_text(row["created_at"]),
        "finished_at": utc_text(row["finished_at"]),
        "call": row["call"],
    }
