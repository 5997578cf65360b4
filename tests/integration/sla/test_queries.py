"""The hot queries use their indexes, however many tickets there are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from pledge.runtime.database import open_pool
from pledge.runtime.records import Partition
from sla import reading, store
from sla.reading import BreachFilter, TimerFilter
from support.databases import Databases

TICKETS = 30_000
NOW = datetime(2026, 11, 16, 16, 0, tzinfo=UTC)
HOME = Partition("ticket.events.v1", 3)

SEED = """
INSERT INTO tickets (ticket_id, topic, partition, desk, number, policy_version, severity, is_closed,
    sequence, timer_sequence, breach_sequence, wake_at, cause_id, correlation_id)
SELECT md5(i::text)::uuid, 'ticket.events.v1', i % 12,
    CASE i % 3 WHEN 0 THEN 'vircom' ELSE 'demo' END,
    'T-' || i, 'v1', 'p1', i % 4 = 0, 2, 2, 0,
    CASE WHEN i % 2 = 0 THEN $2::timestamptz + i * interval '1 second' END, 'c' || i, 'c' || i
FROM generate_series(1, $1::int) AS i;
"""
SEED_FACTS = """
INSERT INTO facts (ticket_id, sequence, type, occurred_at, recorded_at, data)
SELECT md5(i::text)::uuid, n, CASE n WHEN 1 THEN 'opened' ELSE 'noted' END, $2::timestamptz,
    $2::timestamptz, '{"subject_line": "x"}'
FROM generate_series(1, $1::int) AS i, generate_series(1, 2) AS n
"""
SEED_TIMERS = """
INSERT INTO timers (ticket_id, metric, cycle, desk, state, started_at, due_at, at_risk_sent, target,
    reason)
SELECT md5(i::text)::uuid, metric, 1, CASE i % 3 WHEN 0 THEN 'vircom' ELSE 'demo' END,
    CASE WHEN i % 2 = 0 THEN 'running' ELSE 'met' END, $2::timestamptz,
    $2::timestamptz + i * interval '1 second', 0, '30 minutes', 'opened'
FROM generate_series(1, $1::int) AS i, unnest(ARRAY['first_response', 'resolution']) AS metric
"""
SEED_BREACHES = """
INSERT INTO breaches (breach_id, ticket_id, desk, metric, cycle, target, policy_version, due_at,
    detected_at, is_late, is_provisional)
SELECT gen_random_uuid(), md5(i::text)::uuid, CASE i % 3 WHEN 0 THEN 'vircom' ELSE 'demo' END,
    'first_response', 1, '30 minutes', 'v1', $2::timestamptz + i * interval '1 second', $2, false,
    false
FROM generate_series(1, $1::int) AS i
"""


class Explaining:
    """A connection that also explains each statement it runs."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.plans: list[dict[str, Any]] = []

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        await self._explain(sql, arguments)
        rows: list[asyncpg.Record] = await self._connection.fetch(sql, *arguments)
        return rows

    async def execute(self, sql: str, *arguments: object) -> str:
        await self._explain(sql, arguments)
        return str(await self._connection.execute(sql, *arguments))

    async def _explain(self, sql: str, arguments: tuple[object, ...]) -> None:
        # The generic plan is what a prepared statement may end up with; it knows no values.
        await self._connection.execute(
            f"SET plan_cache_mode = force_generic_plan; PREPARE hot AS {sql}"
        )
        nothing = ", ".join("NULL" for _ in arguments)
        text = await self._connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE hot({nothing})")
        await self._connection.execute("DEALLOCATE hot; RESET plan_cache_mode")
        self.plans.append(json.loads(text)[0]["Plan"])

    def nodes(self) -> Iterator[dict[str, Any]]:
        waiting = list(self.plans)
        while waiting:
            node = waiting.pop()
            yield node
            waiting += node.get("Plans", [])

    def indexes(self) -> set[str]:
        """The indexes that are used; fails when a table is read as a whole."""
        nodes = list(self.nodes())
        assert "Seq Scan" not in {node["Node Type"] for node in nodes}
        return {node["Index Name"] for node in nodes if "Index Name" in node}


@pytest.fixture
async def seeded(database: Databases) -> AsyncIterator[asyncpg.Connection]:
    dsn = database("sla")
    owner = await asyncpg.connect(database.owner(dsn))
    for statement in (SEED, SEED_FACTS, SEED_TIMERS, SEED_BREACHES):
        await owner.execute(statement.replace("$1::int", str(TICKETS)).replace("$2", f"'{NOW}'"))
    await owner.execute("VACUUM ANALYZE")
    await owner.close()
    pool = await open_pool(dsn, application_name="test", size=2)
    async with pool.acquire() as connection:
        yield connection
    await pool.close()


async def some_ids(connection: asyncpg.Connection, count: int = 500) -> list[UUID]:
    rows = await connection.fetch("SELECT ticket_id FROM tickets LIMIT $1", count)
    return [row["ticket_id"] for row in rows]


async def test_tickets_of_a_batch_are_read_by_their_keys(seeded: asyncpg.Connection) -> None:
    ids = await some_ids(seeded)
    explaining = Explaining(seeded)
    loaded = await store.load_tickets(explaining, ids)
    assert len(loaded) == 500
    assert explaining.indexes() == {"tickets_pkey", "facts_pkey", "timers_pkey"}


async def test_next_wakes_of_a_partition_are_read_in_order_without_sorting(
    seeded: asyncpg.Connection,
) -> None:
    explaining = Explaining(seeded)
    found = await store.due_tickets(explaining, HOME, NOW + timedelta(hours=4), 200)
    assert [due for due, _ in found] == sorted(due for due, _ in found)
    assert explaining.indexes() == {"tickets_by_wake"}
    assert "Sort" not in {node["Node Type"] for node in explaining.nodes()}


async def test_changes_are_written_by_key(seeded: asyncpg.Connection) -> None:
    tickets = list((await store.load_tickets(seeded, await some_ids(seeded))).values())
    explaining = Explaining(seeded)
    await store.update_tickets(explaining, tickets)
    assert explaining.indexes() == {"tickets_pkey"}


async def test_page_of_timers_reads_no_more_than_a_page(seeded: asyncpg.Connection) -> None:
    explaining = Explaining(seeded)
    wanted = TimerFilter(["vircom", "demo"], ["running", "paused"])
    rows, following = await reading.list_timers(explaining, wanted, None, 50)
    assert len(rows) == 50
    assert following is not None
    assert explaining.indexes() == {"timers_by_due", "tickets_pkey", "facts_pkey"}


async def test_page_of_breaches_reads_no_more_than_a_page(seeded: asyncpg.Connection) -> None:
    explaining = Explaining(seeded)
    rows, _ = await reading.list_breaches(explaining, BreachFilter(["vircom"]), None, 50)
    assert [row["due_at"] for row in rows] == sorted((row["due_at"] for row in rows), reverse=True)
    assert explaining.indexes() == {"breaches_by_due", "tickets_pkey"}


async def test_tickets_are_found_by_number_or_id(seeded: asyncpg.Connection) -> None:
    explaining = Explaining(seeded)
    ((ticket_id, _),) = await reading.find_tickets(explaining, "T-77")
    assert [each for each, _ in await reading.find_tickets(seeded, str(ticket_id))] == [ticket_id]
    assert explaining.indexes() == {"tickets_by_number", "tickets_pkey"}
