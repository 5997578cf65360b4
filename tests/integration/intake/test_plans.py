"""The hot statements go by index, however many tickets there are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from intake.storage import queries, store
from intake.storage.queries import Search, by_id, by_number, facts, search_statement
from intake.storage.store import SELECT_TICKET
from pledge.runtime.postgres.pool import open_pool
from support.databases import Databases

ROWS = 100_000

SEED = """
INSERT INTO tickets (id, desk, number, state, severity, channel, subject_line, requester,
    opened_at, changed_at, sequence, details)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'desk' || n % 5, 'D' || n % 5 || '-' || n,
    CASE WHEN n % 50 = 0 THEN 'open' ELSE 'closed' END, 'p' || 1 + n % 3, 'email',
    'Subject ' || n, 'p' || n % 5000 || '@x.example', now(), now(), 1,
    CASE WHEN n % 20 = 0
        THEN jsonb_build_object('customer', 'C' || n % 400, 'requester', '{}'::jsonb)
        ELSE '{"requester": {}}' END
FROM generate_series(1, $1) AS n
"""


@pytest.fixture
async def connection(database: Databases) -> AsyncIterator[asyncpg.Connection]:
    dsn = database("intake")
    owner = await asyncpg.connect(database.owner(dsn))
    try:
        await owner.execute(SEED, ROWS)
        await owner.execute(
            "INSERT INTO facts SELECT id, 1, '', '', now(), '{}' FROM tickets;"
            "INSERT INTO threads SELECT substr(sha256(id::text::bytea), 1, 16), id FROM tickets;"
            "ANALYZE"  # only the owner may; anybody else is passed over with a warning
        )
    finally:
        await owner.close()
    pool = await open_pool(dsn, application_name="plans", size=2)
    async with pool.acquire() as one:
        yield one
    await pool.close()


async def plan(connection: asyncpg.Connection, statement: str, *values: Any) -> str:
    rows = await connection.fetch(f"EXPLAIN {statement}", *values)
    return "\n".join(row[0] for row in rows)


SEARCHES = [
    Search(None),
    Search(frozenset({"desk1"})),
    Search(frozenset({"desk1", "desk2"})),
    Search(frozenset({"desk1"}), states=["open"]),
    Search(frozenset({"desk1"}), severities=["p1"], before=UUID(int=50_000)),
    Search(frozenset({"desk1"}), words="D1-777"),
    Search(None, words="p77@x"),
    Search(frozenset({"desk1"}), words="subject 77"),
]


async def test_lists_and_single_tickets_go_by_index(connection: asyncpg.Connection) -> None:
    for search in SEARCHES:
        statement, values = search_statement(search)
        told = await plan(connection, statement, *values)
        assert "Seq Scan" not in told, f"{search}\n{told}"
    ids = [UUID(int=n) for n in range(1, 500)]
    locking = f"{SELECT_TICKET} WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE"
    assert "Seq Scan" not in await plan(connection, locking, ids)
    assert len(await by_id(connection, UUID(int=77))) == 1
    assert len(await by_number(connection, "D2-77")) == 1
    assert len(await facts(connection, UUID(int=77), 0, 10)) == 1


async def test_a_customers_and_a_persons_tickets_go_by_index(
    connection: asyncpg.Connection,
) -> None:
    for _ in range(7):  # also under the one plan for all parameters
        customers = await plan(connection, queries._OPEN_OF_CUSTOMER, "desk0", "C20", None, 200)
        assert "Seq Scan" not in customers, customers
        mine = await plan(
            connection, queries._OF_PERSON, "desk0", "p77@x.example", ["C20"], None, 51
        )
        assert "Seq Scan" not in mine, mine
    assert await queries.of_person(connection, "desk1", "p76@x.example", [], None, 50)


async def test_a_batch_is_written_by_index(connection: asyncpg.Connection) -> None:
    some = [UUID(int=n) for n in range(1, 1_001)]
    values = [
        some, ["open"] * 1_000, ["p1"] * 1_000, [None] * 1_000, ["x"] * 1_000,
        [await connection.fetchval("SELECT now()")] * 1_000, [2] * 1_000, ["{}"] * 1_000,
    ]  # fmt: skip
    for _ in range(7):  # past the point where PostgreSQL turns to one plan for all parameters
        assert "Seq Scan on tickets" not in await plan(connection, store._UPDATE, *values)
    threads = "SELECT key, ticket_id FROM threads WHERE key = ANY($1::bytea[])"
    assert "Seq Scan" not in await plan(connection, threads, [bytes(16)] * 500)
