"""The database keeps desks apart: a statement without a filter gives rows of one's own desks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest

from intake.application.desk_scope import ROLE, check_role, reading
from intake.storage import queries, store
from intake.storage.queries import Search
from intake.storage.queue import Wanted, page
from intake.storage.store import Fact
from pledge.events import AttachmentRef
from pledge.runtime.postgres.migrations import SchemaMismatch
from pledge.runtime.postgres.pool import open_pool
from support.databases import Databases
from unit.intake.builders import NINE, a_desk, a_ticket

OURS, THEIRS = frozenset(("vircom",)), frozenset(("infocyte",))
# Without a desk of their own: hashes, records on their way out, what the runtime keeps.
OF_NO_DESK = {
    "deliveries", "threads", "page_counts", "search_fill",
    "outbox", "consumed", "schema_migrations",
}  # fmt: skip


@pytest.fixture
async def pool(database: Databases) -> AsyncIterator[asyncpg.Pool]:
    """One connection: what a scope leaves behind would be seen by the next."""
    dsn = database("intake")
    async with await open_pool(dsn, application_name="test", size=1, min_size=1) as pool:
        async with pool.acquire() as connection:
            for number, desk in ((1, "vircom"), (2, "infocyte")):
                ticket = a_ticket(id=UUID(int=number), number=f"T-{number}", desk=desk)
                await store.insert_tickets(connection, [ticket])
                data = json.dumps({"text": f"printer of {desk}"})
                ref = AttachmentRef(
                    name="a.txt", content_type="text/plain", size=1, sha256="a" * 64, key="k"
                )
                fact = Fact(ticket.id, 1, f"e{number}", "noted", NINE, data, desk, (ref,))
                await store.insert_facts(connection, [fact])
                await store.insert_texts(connection, [(ticket.id, 1, "whole text")])
                await connection.execute(
                    "INSERT INTO attachments (desk, sha256, content_type, size, content, stored_at)"
                    " VALUES ($1, $2, 'text/plain', 1, 'x', $3)",
                    desk, "a" * 64, NINE,
                )  # fmt: skip
                await store.take_numbers(connection, {desk: 1}, {desk: a_desk()})
        yield pool


async def tables(connection: asyncpg.Connection) -> set[str]:
    rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return {row["tablename"] for row in rows}


async def test_every_table_of_desks_has_its_policy(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        kept = await connection.fetch(
            "SELECT relname FROM pg_class JOIN pg_policy ON polrelid = pg_class.oid"
            " WHERE relrowsecurity AND polroles = ARRAY['intake_requests'::regrole::oid]"
        )
        bare = await tables(connection) - {row["relname"] for row in kept} - OF_NO_DESK
    assert not bare, f"call keep_to_desks in the migration that makes {bare}"


@pytest.mark.parametrize(
    "table",
    [
        "tickets", "facts", "texts", "attachments", "ticket_numbers", "ticket_queue",
        "ticket_search", "ticket_files",
    ],
)  # fmt: skip
async def test_a_statement_without_a_filter_gives_ones_own_rows(
    pool: asyncpg.Pool, table: str
) -> None:
    count = f"SELECT count(*) FROM {table}"
    async with reading(pool, OURS) as connection:
        assert await connection.fetchval(count) == 1
    async with reading(pool, OURS | THEIRS) as connection:
        assert await connection.fetchval(count) == 2
    async with reading(pool, None) as connection:
        assert await connection.fetchval(count) == 2
    for nobody in (frozenset[str](), frozenset(("other",)), frozenset(("vircom' OR true --",))):
        async with reading(pool, nobody) as connection:
            assert await connection.fetchval(count) == 0
    async with pool.acquire() as connection:  # the service's own work sees all again
        assert await connection.fetchval(count) == 2


async def test_the_role_sees_nothing_without_desks_and_writes_nothing(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(f"SET LOCAL ROLE {ROLE}")
        assert await connection.fetchval("SELECT count(*) FROM tickets") == 0
        every = "SELECT * FROM find_tickets('printer', NULL, NULL, $1, 9)"
        found = await connection.fetch(every, UUID(int=9))
        assert found == []
    for forbidden in ("DELETE FROM tickets", "SELECT * FROM outbox", "SELECT * FROM deliveries"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await under_the_role(pool, forbidden)
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await read(pool, "CREATE TEMP TABLE own (n int)")


async def under_the_role(pool: asyncpg.Pool, statement: str) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(f"SET LOCAL ROLE {ROLE}; SET LOCAL pledge.desks = '*'")
        await connection.execute(statement)


async def read(pool: asyncpg.Pool, statement: str) -> None:
    async with reading(pool, OURS) as connection:
        await connection.execute(statement)


async def test_searches_that_forget_the_desk_find_ones_own(pool: asyncpg.Pool) -> None:
    async with reading(pool, OURS) as connection:
        found = await queries.search(connection, Search(None, words="printer"))
        assert [each.desk for each in found] == ["vircom"]
        found = await queries.search(connection, Search(THEIRS, words="printer"))
        assert found == []
        found = await queries.search(connection, Search(None, words="ann@"))
        assert [each.desk for each in found] == ["vircom"]
        assert await queries.by_id(connection, UUID(int=2)) == []
        assert await queries.by_number(connection, "T-2") == []
        assert await queries.facts(connection, UUID(int=2), 0, 9) == []
        queued = await page(connection, Wanted(None, "kim"))
        assert [each.ticket.desk for each in queued] == ["vircom"]


async def test_a_failure_inside_leaves_nothing_of_the_scope_behind(pool: asyncpg.Pool) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        await read(pool, "SELECT 1 / 0")
    async with pool.acquire() as connection:
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SELECT count(*) FROM tickets") == 2


async def test_the_services_own_statements_are_planned_as_without_policies(
    pool: asyncpg.Pool,
) -> None:
    async with pool.acquire() as connection:
        rows = await connection.fetch(
            "EXPLAIN SELECT id FROM tickets WHERE requester LIKE 'ann@%' AND desk = 'vircom'"
        )
    plan = " ".join(row[0] for row in rows)
    assert "tickets_requester" in plan
    assert "pledge.desks" not in plan


async def test_a_service_without_the_role_says_what_to_do(
    pool: asyncpg.Pool, database: Databases
) -> None:
    await check_role(pool)
    other = database.owner(database("intake"))
    async with await open_pool(other, application_name="test", size=1) as stranger:
        with pytest.raises(SchemaMismatch, match="GRANT intake_requests TO intake_owner"):
            await check_role(stranger)
