"""What each delivery, fact and lookup costs does not grow with the number of tickets.

`make test T="-m long -k test_queries"` does the same with a million.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from intake.domain.desk import Customer
from intake.portal import sign_in
from intake.storage import queries, sign_ins, store
from intake.storage.queries import Search
from pledge.events import Contact
from support.cluster import run
from support.databases import Databases
from support.plans import Explaining, explaining, fill
from unit.intake.builders import a_desk

NOW = datetime(2026, 11, 16, 16, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
BATCH = 500
PAGE = 50

SEED = (
    """
    INSERT INTO tickets (id, desk, number, state, severity, channel, subject_line, requester,
        opened_at, changed_at, sequence, details)
    SELECT lpad(to_hex(n), 32, '0')::uuid, 'desk-' || n % 20, 'D' || n % 20 || '-' || n,
        CASE WHEN n / 20 % 50 = 0 THEN 'open' ELSE 'closed' END, 'p' || 1 + n % 3, 'email',
        'Subject ' || n, 'p' || n % 5000 || '@x.example', now(), now(), 1,
        CASE WHEN n / 20 % 2 = 0 THEN jsonb_build_object('requester', '{{}}'::jsonb)
             ELSE jsonb_build_object('requester', '{{}}'::jsonb, 'customer', 'c' || n % 3000) END
    FROM generate_series(1, {rows}) AS n
    """,
    "INSERT INTO ticket_numbers SELECT 'desk-' || n, {rows} FROM generate_series(0, 19) AS n",
    """
    INSERT INTO facts SELECT id, 1, '', '', now(), json_build_object('subject_line', subject_line,
        'requester', json_build_object('name', 'Person ' || split_part(number, '-', 2)))
    FROM tickets
    """,
    "INSERT INTO threads SELECT substr(sha256(id::text::bytea), 1, 16), id FROM tickets",
    "INSERT INTO deliveries SELECT substr(sha256(id::text::bytea), 1, 16), now() FROM tickets",
    """
    INSERT INTO sign_ins (id, desk, address, requested_at, expires_at, handled_at, used_at)
    -- An address gets a few links in the time for which they are kept.
    SELECT id, desk, left(id::text, 32) || requester, at, at, at, at
    FROM tickets CROSS JOIN (VALUES (now() - interval '1 hour')) AS asked(at)
    """,
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


ONE, TWO = frozenset({"desk-1"}), frozenset({"desk-1", "desk-2"})
UNFINISHED = ["open", "waiting_on_customer", "customer_unavailable"]


@pytest.mark.parametrize(
    ("wanted", "stretches"),
    [
        (Search(None), 1),
        (Search(ONE), 2),
        (Search(TWO), 4),
        (Search(ONE, severities=["p1"], before=UUID(int=40_000)), 2),
        (Search(ONE, states=["open"]), 1),
        (Search(ONE, states=UNFINISHED, severities=["p1"]), 1),
        (Search(None, states=UNFINISHED), 20),
        (Search(TWO, states=["resolved"]), 0),
    ],
    ids=[
        "of all desks", "of one desk", "of two desks", "of a severity, next page", "open",
        "unfinished of a severity", "unfinished of all desks", "in a state that none is in",
    ],
)  # fmt: skip
async def test_page_of_tickets_reads_a_page_of_each_desk_and_state(
    hot: Explaining, wanted: Search, stretches: int
) -> None:
    found = await queries.search(hot, wanted)
    assert len(found) >= min(PAGE, 15 * stretches)
    assert [each.id for each in found] == sorted((each.id for each in found), reverse=True)
    assert hot.indexes() <= {"tickets_by_state", "tickets_pkey", "ticket_numbers_pkey"}
    # One ticket in three has the severity.
    a_page = (4 if wanted.severities else 1) * (PAGE + 1)
    assert hot.examined() <= stretches * (a_page + 1)


async def test_tickets_are_found_by_words(hot: Explaining) -> None:
    found = await queries.search(hot, Search(ONE, words="person 4181"))
    assert found[-1].number == "D1-4181"
    assert all(each.number.startswith("D1-4181") for each in found)
    page = await queries.search(hot, Search(ONE, words="subject"))
    assert len(page) == PAGE + 1
    following = await queries.search(hot, Search(ONE, words="subject", before=page[PAGE - 1].id))
    assert following[0] == page[PAGE]
    assert not await queries.search(hot, Search(TWO - ONE, words="person 4181"))
    assert hot.indexes() == {"tickets_pkey"}
    assert hot.examined() <= 3 * (PAGE + 1)


async def test_tickets_of_a_person_are_found_among_their_own(hot: Explaining) -> None:
    found = await queries.of_person(
        hot, "desk-1", "p21@x.example", ["c1021", "c61", "c2"], None, PAGE
    )
    assert len(found) >= 10
    assert hot.indexes() == {"tickets_requester", "tickets_customer", "tickets_pkey"}
    # A page of each customer, and what the person asked for, of which there may be little.
    assert hot.examined() <= 16 * (PAGE + 1)


async def test_links_to_sign_in_are_found_among_those_that_wait(hot: Explaining) -> None:
    now = NOW + 10_000 * HOUR
    ask = (UUID(int=2**64), "desk-1", "p21@x.example", now, now, 3)
    assert await hot.fetch(sign_ins._ADD, *ask)
    assert len(await hot.fetch(sign_ins._WAITING, now + HOUR, BATCH)) == 1
    assert hot.indexes() == {"sign_ins_address", "sign_ins_waiting"}
    ada = Contact(email="ada@x.example")
    desk = a_desk(id="desk-1", customers={"c1021": Customer("c1021", administrators=(ada,))})
    assert await sign_in._newest(hot, desk, "ada@x.example") is not None
    assert hot.indexes() >= {"tickets_requester", "tickets_customer"}
    assert hot.examined() <= 50
