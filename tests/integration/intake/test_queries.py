"""What each delivery, fact and lookup costs does not grow with the number of tickets.

`make test T="-m long -k test_queries"` does the same with a million.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from uuid import UUID

import pytest

from intake import queries, store
from intake.queries import Search
from support.cluster import run
from support.databases import Databases
from support.plans import Explaining, explaining, fill

NOW = datetime(2026, 11, 16, 16, 0, tzinfo=UTC)
BATCH = 500
PAGE = 50

SEED = (
    """
    INSERT INTO tickets (id, desk, number, state, severity, channel, subject_line, requester,
        opened_at, changed_at, sequence, details)
    SELECT lpad(to_hex(n), 32, '0')::uuid, 'desk-' || n % 20, 'D' || n % 20 || '-' || n,
        CASE WHEN n / 20 % 50 = 0 THEN 'open' ELSE 'closed' END, 'p' || 1 + n % 3, 'email',
        'Subject ' || n, 'p' || n % 5000 || '@x.example', now(), now(), 1, '{{"requester": {{}}}}'
    FROM generate_series(1, {rows}) AS n
    """,
    "INSERT INTO facts SELECT id, 1, '', '', now(), '{{}}' FROM tickets",
    "INSERT INTO threads SELECT substr(sha256(id::text::bytea), 1, 16), id FROM tickets",
    "INSERT INTO deliveries SELECT substr(sha256(id::text::bytea), 1, 16), now() FROM tickets",
)


@pytest.fixture(scope="module")
def crowded(lasting_databases: Databases, rows: int) -> str:
    """The DSN of a database with so many rows in each table."""
    dsn = lasting_databases("intake")
    run(fill(lasting_databases.owner(dsn), [each.format(rows=rows) for each in SEED]))
    return dsn


@pytest.fixture
async def hot(crowded: str) -> AsyncIterator[Explaining]:
    async with explaining(crowded) as connection:
        yield connection


async def some(hot: Explaining, statement: str) -> list[bytes]:
    return [row[0] for row in await hot.unexplained(statement, BATCH)]


async def test_what_was_delivered_before_is_found_by_its_key(hot: Explaining) -> None:
    known = await some(hot, "SELECT key FROM deliveries LIMIT $1")
    new = [number.to_bytes(16, "big") for number in range(BATCH)]
    assert await store.note_deliveries(hot, [*known, *new], NOW) == set(new)
    await store.forget_deliveries(hot, new)
    assert hot.indexes() == {"deliveries_pkey"}
    assert hot.examined() <= 4 * BATCH


async def test_threads_are_found_by_message_id(hot: Explaining) -> None:
    known = await some(hot, "SELECT key FROM threads LIMIT $1")
    assert len(await store.find_threads(hot, known)) == BATCH
    assert hot.indexes() == {"threads_pkey"}
    assert hot.examined() <= 2 * BATCH


async def test_tickets_of_a_batch_are_locked_by_key(hot: Explaining) -> None:
    ids = [UUID(int=n) for n in range(1, BATCH + 1)]
    assert len(await store.lock_tickets(hot, ids)) == BATCH
    assert hot.indexes() == {"tickets_pkey"}
    assert hot.examined() <= 2 * BATCH


async def test_ticket_and_its_facts_are_found_by_number_and_id(hot: Explaining) -> None:
    (ticket,) = await queries.by_number(hot, "D17-77")
    assert [each.id for each in await queries.by_id(hot, ticket.id)] == [ticket.id]
    assert len(await queries.facts(hot, ticket.id, 0, 10)) == 1
    assert hot.indexes() >= {"tickets_number", "tickets_pkey", "facts_pkey"}
    assert hot.examined() <= 4


@pytest.mark.parametrize(
    "wanted",
    [
        Search(None),
        Search(frozenset({"desk-1"})),
        Search(frozenset({"desk-1"}), severities=["p1"], before=UUID(int=40_000)),
        Search(frozenset({"desk-1"}), states=["open"]),
    ],
    ids=["of all desks", "of one desk", "of a severity, next page", "open"],
)
async def test_page_of_tickets_reads_few_more_than_a_page(hot: Explaining, wanted: Search) -> None:
    assert len(await queries.search(hot, wanted)) >= min(PAGE, 20)
    assert hot.indexes() <= {"tickets_desk", "tickets_pkey", "tickets_unfinished"}
    # One in fifty is open.
    assert hot.examined() <= 60 * (PAGE + 1)
