"""What each event, page and delivery costs does not grow with the number that ever were.

`make test T="-m long -k test_queries"` does the same with a million.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from notify.storage import deliveries, published_events, store
from support.cluster import run
from support.databases import Databases
from support.plans import Explaining, explaining, fill

NOW = datetime(2026, 11, 16, 16, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
BATCH = 500
LANES = 200

# One page in a hundred is open, and as many deliveries wait.
SEED = (
    """
    INSERT INTO tickets SELECT md5(n::text)::uuid, 'desk-' || n % 20, 'T-' || n, '{{}}', false
    FROM generate_series(1, {rows}) AS n
    """,
    "INSERT INTO seen SELECT 'ticket.events.v1', ticket_id::text, 1 FROM tickets",
    "INSERT INTO published SELECT ticket_id::text, 1 FROM tickets",
    """
    INSERT INTO pages (id, desk, subject, about, route, summary, occurred_at, detected_at, is_late,
        policy, state, step, round, next_step_at, raised_at, cause)
    SELECT md5(n::text)::uuid, 'desk-' || n % 20, md5(n::text)::uuid::text, '{{}}', 'r', 's', at,
        at, false, '{{}}', CASE WHEN n % 100 = 0 THEN 'triggered' ELSE 'resolved' END, 0, 0,
        CASE WHEN n % 100 = 0 THEN at END, at, '{{}}'
    FROM generate_series(1, {rows}) AS n,
        LATERAL (SELECT '{now}'::timestamptz - n * interval '1 second' AS at) AS raised
    """,
    """
    INSERT INTO deliveries (id, desk, lane, channel, kind, target, about, page_id, content, context,
        cause, is_automatic, state, next_attempt_at, attempts, created_at)
    SELECT md5(n::text)::uuid, 'desk-' || n % 20, 'lane-' || n / 100 % {lanes}, 'email', 'email',
        'to-' || n % 5000, '{{}}', md5(n::text)::uuid, '{{}}', '{{}}', '{{}}', true,
        CASE WHEN n % 100 = 0 THEN 'pending' ELSE 'delivered' END,
        CASE WHEN n % 100 = 0 THEN at END, 0, at
    FROM generate_series(1, {rows}) AS n,
        LATERAL (SELECT '{now}'::timestamptz - n * interval '1 second' AS at) AS made
    """,
)


@pytest.fixture(scope="module")
def crowded(lasting_databases: Databases, rows: int) -> str:
    """The DSN of a database with so many rows in each table."""
    dsn = lasting_databases("notify")
    names = {"rows": rows, "lanes": LANES, "now": NOW.isoformat()}
    run(fill(lasting_databases.owner(dsn), [each.format(**names) for each in SEED]))
    return dsn


@pytest.fixture
async def hot(crowded: str) -> AsyncIterator[Explaining]:
    async with explaining(crowded) as connection:
        yield connection


async def some_ids(hot: Explaining) -> list[UUID]:
    rows = await hot.unexplained("SELECT ticket_id FROM tickets LIMIT $1", BATCH)
    return [row["ticket_id"] for row in rows]


async def test_batch_of_events_is_handled_by_key(hot: Explaining) -> None:
    """What was seen, the tickets, and the numbers of what is published of them."""
    ids = await some_ids(hot)
    subjects = [str(each) for each in ids]
    assert len(await store.last_seen(hot, "ticket.events.v1", subjects)) == BATCH
    await store.save_seen(hot, "ticket.events.v1", dict.fromkeys(subjects, 2))
    assert len(await store.lock_tickets(hot, ids)) == BATCH
    await hot.fetch(published_events._RESERVE, sorted(subjects), [1] * BATCH)
    assert hot.indexes() == {"seen_pkey", "tickets_pkey"}
    assert hot.examined() <= 4 * BATCH


async def test_open_pages_of_tickets_are_found_among_the_open_ones(hot: Explaining) -> None:
    rows = await hot.unexplained("SELECT subject FROM pages WHERE state <> 'resolved'")
    subjects = [row["subject"] for row in rows[:BATCH]]
    assert len(await hot.fetch(store._OPEN_PAGES, subjects)) == len(subjects)
    assert hot.indexes() == {"pages_open"}
    assert hot.examined() <= 2 * BATCH


async def test_due_steps_of_pages_are_read_in_order_without_sorting(hot: Explaining) -> None:
    due = await store.pages_due(hot, NOW, BATCH)
    assert len(due) == BATCH
    assert hot.indexes() == {"pages_due"}
    assert not hot.sorts_without_values()
    assert len(await hot.fetch(store._LOCK_FREE, [each for _, each in due])) == BATCH
    assert hot.indexes() == {"pages_due", "pages_pkey"}
    assert hot.examined() <= 3 * BATCH


async def test_due_deliveries_are_found_lane_by_lane(hot: Explaining) -> None:
    """Two rows lead to a lane, and as many are read as are claimed."""
    lanes = await deliveries.lanes_due(hot, NOW, LANES)
    assert len(lanes) == LANES
    assert hot.indexes() == {"deliveries_due"}
    assert hot.examined() <= 4 * LANES
    room = {lane: 5 for _, lane in lanes[:10]}
    assert await deliveries.claim_deliveries(hot, room, now=NOW, lease_until=LATER, worker=None)
    assert hot.indexes() == {"deliveries_due", "deliveries_pkey"}
    assert hot.examined() <= 4 * LANES + 10 * 5 * 3


async def test_mails_to_an_address_are_counted_by_address(hot: Explaining, rows: int) -> None:
    since = NOW - timedelta(hours=1)
    await deliveries.mailed_lately(hot, "desk-1", ["to-1", "to-21"], since)
    assert hot.indexes() == {"deliveries_lately"}
    assert hot.examined() <= 2 * (3_600 // 5_000 + 2)


async def test_deliveries_of_a_page_are_called_off_by_its_key(hot: Explaining) -> None:
    """However many others wait: a mail server that is away for an hour makes them many."""
    ids = (await some_ids(hot))[:20]
    await deliveries.cancel_unsent(hot, ids, NOW)
    assert hot.indexes() == {"deliveries_of_page", "deliveries_pkey"}
    assert hot.examined() <= 4 * len(ids)
