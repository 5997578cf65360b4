"""Domain objects to rows of the database and back."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any
from uuid import UUID

import asyncpg

from status.domain.components import Component, ComponentStatus
from status.domain.incidents import (
    Affected,
    Impact,
    Incident,
    IncidentStatus,
    Update,
    Window,
)
from status.domain.reports import Report

Row = dict[str, Any]


def component(row: asyncpg.Record) -> Component:
    """The component in a row of `components`, whose columns have the names of its fields."""
    values = {field.name: row[field.name] for field in fields(Component)}
    return Component(**values | {"status": ComponentStatus(row["status"])})


def update(row: asyncpg.Record) -> Update:
    """The update in a row of `updates`."""
    return Update(
        uid=row["uid"],
        status=IncidentStatus(row["status"]),
        body=row["body"],
        created_at=row["created_at"],
        affected=tuple(_affected(one) for one in row["affected"]),
        by=row["by"],
        deliver_notifications=row["deliver_notifications"],
    )


def incident(row: asyncpg.Record, updates: Sequence[Update]) -> Incident:
    """The incident in a row of `incidents`, with its `updates`, newest first."""
    starts_at, ends_at = row["window_starts_at"], row["window_ends_at"]
    return Incident(
        uid=row["uid"],
        desk=row["desk"],
        name=row["name"],
        status=IncidentStatus(row["status"]),
        impact=Impact(row["impact"]),
        started_at=row["started_at"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        updates=tuple(updates),
        claims={code: ComponentStatus(status) for code, status in row["claims"].items()},
        monitoring_at=row["monitoring_at"],
        resolved_at=row["resolved_at"],
        window=Window(starts_at, ends_at) if starts_at is not None else None,
        origin=row["origin"],
        revision=row["revision"],
        severity=row["severity"],
        disproved_at=row["disproved_at"],
    )


def incident_row(one: Incident) -> Row:
    """The row of an incident; its updates have rows of their own."""
    return {
        "uid": one.uid,
        "id": one.id,
        "desk": one.desk,
        "name": one.name,
        "status": one.status,
        "impact": one.impact,
        "started_at": one.started_at,
        "created_at": one.created_at,
        "updated_at": one.updated_at,
        "monitoring_at": one.monitoring_at,
        "resolved_at": one.resolved_at,
        "claims": dict(one.claims),
        "window_starts_at": one.window.starts_at if one.window else None,
        "window_ends_at": one.window.ends_at if one.window else None,
        "origin": one.origin,
        "revision": one.revision,
        "severity": one.severity,
        "disproved_at": one.disproved_at,
    }


def newest_update_row(one: Incident) -> Row:
    """The row of the update that an incident got last."""
    newest = one.updates[0]
    return {
        "uid": newest.uid,
        "incident": one.uid,
        "position": len(one.updates),
        "status": newest.status,
        "body": newest.body,
        "created_at": newest.created_at,
        "affected": [asdict(affected) for affected in newest.affected],
        "by": newest.by,
        "deliver_notifications": newest.deliver_notifications,
    }


def report(row: asyncpg.Record) -> Report:
    """The report in a row of `reports`."""
    return Report(
        ticket_id=row["ticket_id"],
        desk=row["desk"],
        number=row["number"],
        severity=row["severity"],
        product=row["product"],
        is_confirmed=row["is_confirmed"],
        known_incident=row["known_incident"],
        broken=frozenset(row["broken"]),
        incident=row["incident"],
        withdrawals=row["withdrawals"] or 0,
        last_sequences=row["heard"],
    )


def report_row(one: Report) -> Row:
    """The row of a report."""
    return {
        "ticket_id": one.ticket_id,
        "desk": one.desk,
        "number": one.number,
        "severity": one.severity,
        "product": one.product,
        "is_confirmed": one.is_confirmed,
        "known_incident": one.known_incident,
        "broken": sorted(one.broken),
        "incident": one.incident,
        "withdrawals": one.withdrawals,
        "heard": dict(one.last_sequences),
    }


def grouped(rows: Sequence[asyncpg.Record]) -> dict[UUID, list[Update]]:
    """Updates by their incident, in the order of `rows`."""
    found: dict[UUID, list[Update]] = {}
    for row in rows:
        found.setdefault(row["incident"], []).append(update(row))
    return found


def _affected(one: Mapping[str, str]) -> Affected:
    return Affected(
        code=one["code"],
        name=one["name"],
        old_status=ComponentStatus(one["old_status"]),
        new_status=ComponentStatus(one["new_status"]),
    )
