"""What was stored before instants had bounds can be read after the upgrade."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from pledge.runtime.postgres.migrations import migrations_of, read_steps
from support.databases import Databases

FIRST = datetime(1990, 1, 1, tzinfo=UTC)
LAST = datetime(2200, 1, 1, tzinfo=UTC)
UNSET = datetime.min.replace(tzinfo=UTC)
NEVER = datetime.max.replace(tzinfo=UTC)
NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)

INTAKE_FACT = """
INSERT INTO facts (ticket_id, sequence, event_id, type, occurred_at, data)
VALUES ($1, 1, 'e', 'opened', $2, '{}')
"""
INTAKE_TICKET = """
INSERT INTO tickets (id, desk, number, state, channel, subject_line, opened_at, changed_at,
                     sequence, details)
VALUES ($1, 'acme', 'A-1', 'new', 'email', 'x', $2, now(), 1, '{}')
"""
SLA_FACT = """
INSERT INTO facts (ticket_id, sequence, type, occurred_at, recorded_at, data)
VALUES ($1, 1, 'opened', $2, $2, '{}')
"""


@pytest.mark.parametrize(
    ("service", "insert", "read", "expected"),
    [
        ("intake", INTAKE_FACT, "SELECT occurred_at FROM facts", [FIRST, FIRST, NOW]),
        ("sla", SLA_FACT, "SELECT occurred_at FROM facts", [FIRST, FIRST, NOW, LAST]),
        ("sla", SLA_FACT, "SELECT recorded_at FROM facts", [FIRST, FIRST, NOW, LAST]),
    ],
)
async def test_facts_of_no_known_time_are_read_again(
    database: Databases, service: str, insert: str, read: str, expected: Sequence[datetime]
) -> None:
    connection = await asyncpg.connect(database(service))
    try:
        stored = [UNSET, datetime(1970, 1, 1, tzinfo=UTC), NOW, NEVER][: len(expected)]
        for number, instant in enumerate(stored):
            await connection.execute(insert, UUID(int=number), instant)
        assert any(row[0].tzinfo is None for row in await connection.fetch(read))
        await connection.execute(upgrade_of(service))
        assert sorted(row[0] for row in await connection.fetch(read)) == expected
    finally:
        await connection.close()


async def test_ticket_of_no_known_time_is_read_again(database: Databases) -> None:
    connection: Any = await asyncpg.connect(database("intake"))
    try:
        await connection.execute(INTAKE_TICKET, UUID(int=1), UNSET)
        await connection.execute(upgrade_of("intake"))
        assert await connection.fetchval("SELECT opened_at FROM tickets") == FIRST
    finally:
        await connection.close()


@pytest.mark.parametrize("service", ["intake", "sla", "notify"])
async def test_upgrade_changes_nothing_in_a_new_database(database: Databases, service: str) -> None:
    connection = await asyncpg.connect(database(service))
    try:
        assert (await connection.execute(upgrade_of(service))).endswith(" 0")
    finally:
        await connection.close()


def upgrade_of(service: str) -> str:
    (step,) = [
        each for each in read_steps(migrations_of(service)) if each.name == "bounded_instants"
    ]
    return step.sql
