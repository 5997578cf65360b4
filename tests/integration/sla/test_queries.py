"""The hot queries use their indexes and look at few rows, however many tickets there are.

`make test T="-m long -k test_queries"` does the same with a million.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from pledge.runtime.kafka.ownership import PartitionState, advance, claim, hold
from pledge.runtime.outbox import relay
from pledge.runtime.records import Partition
from sla.reports import attainment, whatif
from sla.storage import (
    policy_versions,
    quarantine,
    queries,
    reassessment_orders,
    reports,
    store,
    tickets_of_desk,
)
from sla.storage.queries import BreachFilter, TimerFilter
from sla.storage.reassessment_orders import Order
from sla.storage.reports import Period
from sla.storage.rows import BreachRow, TimerRow
from support.cluster import run
from support.databases import Databases
from support.plans import Explaining, explaining, fill

NOW = datetime(2026, 11, 16, 16, 0, tzinfo=UTC)
SINCE = datetime(2025, 1, 1, tzinfo=UTC)
HOME = Partition("ticket.events.v1", 3)
DESKS = 20
# Due instants are spread over so many days.
DAYS = 730
BATCH = 500
ASIDE = 100
PAGE = 50
ALL = [f"desk-{n}" for n in range(DESKS)]

# Each ticket has one timer; of four one runs, one is paused, one was met and one breached.
SEED = (
    """
    INSERT INTO tickets (ticket_id, topic, partition, desk, number, policy_version, severity,
        is_closed, sequence, timer_sequence, breach_sequence, wake_at, cause_id, correlation_id)
    SELECT md5(i::text)::uuid, 'ticket.events.v1', i % 12, 'desk-' || i % {desks}, 'T-' || i, 'v1',
        'p' || 1 + i % 3, i / 12 % 4 > 1, 2, 2, 0,
        CASE WHEN i / 12 % 4 < 2 THEN '{since}'::timestamptz + i * {step} END, 'c' || i, 'c' || i
    FROM generate_series(1, {rows}) AS i
    """,
    """
    INSERT INTO facts (ticket_id, sequence, type, occurred_at, recorded_at, data)
    SELECT md5(i::text)::uuid, n, CASE n WHEN 1 THEN 'opened' ELSE 'waiting_on_customer' END, at,
        at, '{{"subject_line": "x"}}'
    FROM generate_series(1, {rows}) AS i,
        LATERAL (SELECT '{since}'::timestamptz + i * {step} AS at) AS instant,
        generate_series(1, CASE WHEN i % 10 = 0 THEN 2 ELSE 1 END) AS n
    """,
    """
    INSERT INTO timers (ticket_id, metric, cycle, desk, state, started_at, due_at, met_at,
        at_risk_sent, target, reason)
    SELECT md5(i::text)::uuid, (ARRAY['first_response', 'resolution'])[1 + i / {desks} / 4 % 2], 1,
        'desk-' || i % {desks},
        (ARRAY['running', 'paused', 'met', 'breached'])[1 + i / {desks} % 4], at,
        CASE WHEN i / {desks} % 4 <> 1 THEN at END, CASE WHEN i / {desks} % 4 = 2 THEN at END,
        CASE WHEN i / {desks} % 5 = 0 THEN 80 ELSE 0 END, '30 minutes', 'opened'
    FROM generate_series(1, {rows}) AS i,
        LATERAL (SELECT '{since}'::timestamptz + i * {step} AS at) AS instant
    """,
    """
    INSERT INTO breaches (breach_id, ticket_id, desk, metric, cycle, target, policy_version, due_at,
        detected_at, is_late, is_provisional)
    SELECT md5(i::text)::uuid, md5(i::text)::uuid, 'desk-' || i % {desks}, 'first_response', 1,
        '30 minutes', 'v1', at, at, false, false
    FROM generate_series(1, {rows}) AS i,
        LATERAL (SELECT '{since}'::timestamptz + i * {step} AS at) AS instant
    """,
    """
    INSERT INTO outbox (shard, topic, key, value, header_names, header_values)
    SELECT i % 16, 'sla.events.v1', 'key', 'value', ARRAY['ce_id'], ARRAY['x'::bytea]
    FROM generate_series(1, {rows}) AS i
    """,
    """
    INSERT INTO consumed (topic, partition, next_offset, epoch)
    SELECT topic, n, 0, 1 FROM generate_series(0, 499) AS n,
        unnest(ARRAY['ticket.events.v1', 'status.events.v1']) AS topic
    """,
    # Five orders of each desk, the last one under way; and as many tickets set aside as may be.
    """
    INSERT INTO reassessments (desk, version, ordered_at, ordered_by, tickets, finished_at)
    SELECT 'desk-' || i % {desks}, 'v' || 2 + i / {desks}, '{since}', 'ann', 0,
        CASE WHEN i / {desks} < 4 THEN now() END
    FROM generate_series(0, 5 * {desks} - 1) AS i
    """,
    """
    INSERT INTO reassessment_tickets (reassessment_id, topic, partition, ticket_id)
    SELECT reassessment_id, topic, partition, ticket_id
    FROM tickets JOIN reassessments USING (desk) WHERE finished_at IS NULL
    """,
    """
    INSERT INTO reassessment_counts (reassessment_id, topic, partition, what, count)
    SELECT reassessment_id, 'ticket.events.v1', n, what, 1
    FROM reassessments, generate_series(0, 11) AS n,
        unnest(ARRAY['heard', 'done', 'changed', 'moves', 'breaches']) AS what
    """,
    """
    INSERT INTO quarantine (ticket_id, topic, partition, desk, number, what, reason, since)
    SELECT ticket_id, topic, partition, desk, number, 'wake', 'a fault', '{since}' FROM tickets
    LIMIT {aside}
    """,
)


@pytest.fixture(scope="module")
def crowded(lasting_databases: Databases, rows: int) -> str:
    """The DSN of a database with so many rows in each table."""
    dsn = lasting_databases("sla")
    step = f"interval '{DAYS * 86_400 / rows} seconds'"
    names = {"aside": ASIDE, "rows": rows, "desks": DESKS, "since": SINCE.isoformat(), "step": step}
    run(fill(lasting_databases.owner(dsn), [each.format(**names) for each in SEED]))
    return dsn


@pytest.fixture
async def hot(crowded: str) -> AsyncIterator[Explaining]:
    async with explaining(crowded) as connection:
        yield connection


async def some_ids(hot: Explaining, count: int = BATCH) -> list[UUID]:
    rows = await hot.unexplained("SELECT ticket_id FROM tickets LIMIT $1", count)
    return [row["ticket_id"] for row in rows]


async def test_tickets_of_a_batch_are_read_by_their_keys(hot: Explaining) -> None:
    """Tickets, their facts and what was published of them: one row of each, and some facts more."""
    ids = await some_ids(hot)
    assert len(await store.load_tickets(hot, ids)) == BATCH
    assert hot.indexes() == {"tickets_pkey", "facts_pkey", "timers_pkey"}
    assert hot.examined() <= 8 * BATCH
    assert hot.sorted() <= 2 * BATCH


async def test_next_wakes_of_a_partition_are_read_in_order_and_dealt_out_to_desks(
    hot: Explaining,
) -> None:
    found = await store.due_tickets(hot, HOME, NOW, 200)
    assert len(found) == 200
    of_desks = {desk: [due for due, (_, each) in found if each == desk] for desk in ALL}
    own = [dues for dues in of_desks.values() if dues]
    assert max(map(len, own)) - min(map(len, own)) <= 1
    assert all(dues == sorted(dues) for dues in own)
    assert hot.indexes() == {"tickets_by_desk_and_wake"}
    assert hot.examined() <= 200 * len(own) + 3 * DESKS
    assert hot.sorted() <= 200 * len(own)


async def test_what_a_batch_changes_is_written_by_key(hot: Explaining) -> None:
    tickets = list((await store.load_tickets(hot._connection, await some_ids(hot))).values())
    await store.update_tickets(hot, tickets)
    assert hot.indexes() == {"tickets_pkey"}
    timers = [
        TimerRow(
            ticket.ticket_id, timer.metric, timer.cycle, ticket.desk, "met", NOW, NOW, None, NOW, 0,
            "30 minutes", "agent_replied", None,
        )
        for ticket in tickets
        for timer in ticket.published.timers
    ]  # fmt: skip
    await store._update_timers(hot, timers)
    breaches = [
        BreachRow(
            ticket.ticket_id, ticket.ticket_id, ticket.desk, "first_response", 1, "p1", None,
            "30 minutes", "v1", NOW, NOW, is_late=False, is_provisional=False,
        )
        for ticket in tickets
    ]  # fmt: skip
    await store._insert_breaches(hot, breaches)
    assert hot.indexes() == {"tickets_pkey", "timers_pkey"}
    assert hot.examined() <= 8 * BATCH


async def order_of(hot: Explaining, desk: str) -> Order:
    found = await reassessment_orders.under_way(hot)
    assert len(found) == DESKS
    return next(each for each in found if each.desk == desk)


async def test_orders_are_worked_off_by_key(hot: Explaining) -> None:
    order = await order_of(hot, "desk-3")
    ids = await reassessment_orders.next_tickets(hot, order, HOME, UUID(int=0), 100)
    await reassessment_orders.mark_done(hot, order, HOME, ids, {"done": len(ids)})
    await reassessment_orders.acknowledge(hot, order, HOME)
    assert not await hot.fetchval(reassessment_orders._IS_WORKED_OFF, order.id)
    assert hot.indexes() == {
        "reassessments_under_way", "reassessments_pkey", "reassessment_tickets_pkey",
        "reassessment_counts_pkey", "consumed_pkey",
    }  # fmt: skip
    # Of the partitions, 1,000 here, it is asked whether each has acknowledged.
    assert hot.examined() <= 3 * len(ids) + 2 * DESKS + 1_100


async def test_how_far_an_order_is_does_not_count_its_tickets(hot: Explaining) -> None:
    found = await reassessment_orders.progress(hot, "desk-3")
    assert found is not None
    assert (found["state"], found["policy_version"]) == ("running", "v6")
    await policy_versions.applied_versions(hot)
    await hot.execute(reassessment_orders._RELIST, (await some_ids(hot, 1))[0], "desk-3")
    assert hot.indexes() == {
        "reassessments_by_desk", "reassessments_pkey", "reassessment_counts_pkey", "tickets_pkey",
        "policy_versions_by_version", "policy_versions_pkey",
    }  # fmt: skip
    assert hot.examined() <= 2 * (5 * DESKS + 5 * 12)


async def test_listing_for_an_order_reads_the_tickets_once(
    hot: Explaining, crowded: str, rows: int
) -> None:
    order = await order_of(hot, "desk-3")
    await hot.execute(reassessment_orders._EMPTY, [order.id])
    assert hot.examined() <= 2 * rows // DESKS + 100
    async with explaining(crowded) as again:
        await again.execute(reassessment_orders._LIST, order.id + 1, "desk-3", "v6", True)
        assert again.examined() <= rows + rows // DESKS + 2 * ASIDE


async def test_ticket_is_set_aside_and_released_by_key(hot: Explaining) -> None:
    (held,) = await hot.unexplained("SELECT ticket_id, desk FROM quarantine LIMIT 1")
    (other,) = await hot.unexplained(
        "SELECT ticket_id FROM tickets WHERE ticket_id NOT IN (SELECT ticket_id FROM quarantine)"
        " LIMIT 1"
    )
    await quarantine.insert(hot, other["ticket_id"], "wake", "a fault", NOW)
    assert hot.indexes() == {"tickets_pkey"}
    assert hot.examined() <= 2
    await hot.unexplained(
        "UPDATE quarantine SET release_asked_at = $1 WHERE ticket_id = $2", NOW, held["ticket_id"]
    )
    assert len(await quarantine.requested_releases(hot)) == 1
    assert await hot.fetchval(quarantine._RELEASE, held["ticket_id"]) == "wake"
    await quarantine.wake(hot, held["ticket_id"], NOW)
    assert hot.indexes() <= {"tickets_pkey", "quarantine_to_release", "quarantine_pkey"}
    assert hot.examined() <= 6


async def test_what_is_set_aside_is_few_and_read_as_a_whole(hot: Explaining) -> None:
    await quarantine.count_others(hot, UUID(int=0))
    items, _ = await quarantine.list_tickets(hot, ALL, None, PAGE)
    assert len(items) == PAGE
    assert await quarantine.request_release(hot, ["desk-3"], None, NOW)
    assert sum((await quarantine.counts(hot)).values()) == ASIDE
    assert hot.examined() <= 4 * ASIDE


async def test_pages_of_what_is_set_aside_follow_each_other(hot: Explaining) -> None:
    items, following = await quarantine.list_tickets(hot, ALL, None, PAGE)
    rest, last = await quarantine.list_tickets(hot, ALL, following, 2 * PAGE)
    assert len({each["ticket_id"] for each in items + rest}) == len(items + rest) == ASIDE
    assert last is None


async def test_offset_and_ownership_of_a_partition_are_one_row(hot: Explaining) -> None:
    state: PartitionState = (await claim(hot, frozenset([HOME])))[HOME]
    await hold(hot, state)
    await advance(hot, state, 7)
    assert hot.indexes() == {"consumed_pkey"}
    assert hot.examined() <= 4


async def test_outbox_is_read_from_its_oldest_rows_on(hot: Explaining) -> None:
    rows = await hot.fetch(relay._READ, list(range(16)), relay.ROUND_ROWS)
    await hot.execute(relay._DELETE, [row["id"] for row in rows])
    assert len(rows) == relay.ROUND_ROWS
    assert hot.indexes() == {"outbox_pkey"}
    assert hot.examined() <= 3 * relay.ROUND_ROWS
    assert not hot.sorts_without_values()


FILTERS = {
    "of all desks": TimerFilter(ALL, ["running", "paused"]),
    "of one desk": TimerFilter(["desk-3"], ["running"]),
    "at risk": TimerFilter(ALL, ["running"], is_at_risk=True),
    "of a metric": TimerFilter(ALL, ["running"], metrics=["resolution"]),
    "due within a month": TimerFilter(
        ALL, ["running"], due_from=NOW, due_before=NOW + timedelta(days=30)
    ),
}


@pytest.mark.parametrize("name", FILTERS)
async def test_page_of_timers_reads_little_more_than_a_page_a_desk(
    hot: Explaining, name: str
) -> None:
    """The board's list and the API's: a page of each desk and state, merged."""
    wanted = FILTERS[name]
    rows, following = await queries.list_timers(hot, wanted, None, PAGE)
    assert len(rows) == PAGE
    assert following is not None
    assert hot.indexes() == {"timers_by_due", "tickets_pkey", "facts_pkey"}
    pages = len(wanted.desks) * len(wanted.states) + 2
    # A filter passes one row in five at the least.
    assert hot.examined() <= 6 * pages * (PAGE + 1)
    assert hot.sorted() <= pages * (PAGE + 1)


async def test_timers_of_tickets_are_read_by_key_whatever_else_is_asked(hot: Explaining) -> None:
    ids = await some_ids(hot, 4)
    wanted = TimerFilter(
        ALL, ["running", "paused", "met", "breached"], severities=["p1", "p2", "p3"], tickets=ids
    )
    first, following = await queries.list_timers(hot, wanted, None, 3)
    rest, last = await queries.list_timers(hot, wanted, following, 3)
    assert {row["ticket_id"] for row in first + rest} == set(ids)
    assert (len(first), len(rest), last) == (3, 1, None)
    assert hot.indexes() == {"timers_pkey", "tickets_pkey", "facts_pkey"}
    # Two pages; for each ticket its timer, itself and up to two facts; a bitmap scan counts twice.
    assert hot.examined() <= 2 * 4 * 2 * len(ids)


@pytest.mark.parametrize("desks", [["desk-3"], ALL], ids=["of one desk", "of all"])
async def test_timers_of_a_severity_are_looked_for_until_the_page_is_full(
    hot: Explaining, desks: list[str]
) -> None:
    """The severity stands with the ticket; one in three has it."""
    wanted = TimerFilter(desks, ["running", "paused"], severities=["p1"])
    found, _ = await queries.list_timers(hot, wanted, None, PAGE)
    assert {row["severity"] for row in found} == {"p1"}
    assert hot.indexes() == {"timers_by_due", "tickets_pkey", "facts_pkey"}
    assert hot.examined() <= 4 * 2 * (2 * len(desks) + 1) * (PAGE + 1)


async def test_timers_of_a_rare_severity_are_looked_for_among_the_open_ones_of_the_desk(
    hot: Explaining, rows: int
) -> None:
    wanted = TimerFilter(["desk-3"], ["running", "paused"], severities=["p0"])
    assert await queries.list_timers(hot, wanted, None, PAGE) == ([], None)
    assert hot.indexes() == {"timers_by_due", "tickets_pkey", "facts_pkey"}
    assert hot.examined() <= 2 * rows // DESKS


async def test_page_of_breaches_reads_no_more_than_a_page(hot: Explaining) -> None:
    rows, _ = await queries.list_breaches(hot, BreachFilter(["desk-3"]), None, PAGE)
    assert [row["due_at"] for row in rows] == sorted((row["due_at"] for row in rows), reverse=True)
    assert hot.indexes() == {"breaches_by_due", "tickets_pkey"}
    assert hot.examined() <= 3 * (PAGE + 1)


async def test_tickets_are_found_by_number_or_id(hot: Explaining) -> None:
    ((ticket_id, _),) = await queries.find_tickets(hot, "T-77")
    assert [each for each, _ in await queries.find_tickets(hot, str(ticket_id))] == [ticket_id]
    assert hot.indexes() == {"tickets_by_number", "tickets_pkey"}
    assert hot.examined() <= 4


async def test_reports_of_a_month_read_the_month_of_the_desk(hot: Explaining, rows: int) -> None:
    start = datetime(2026, 10, 1, tzinfo=UTC)
    month = Period("desk-3", start, start + timedelta(days=31))
    of_the_month = rows // DESKS * 31 // DAYS + 2
    found = await attainment.attainment(hot, month, ("severity", "customer", "month"))
    assert sum(each["kept"] + each["missed"] for each in found) > 0
    assert hot.indexes() == {"timers_by_due", "tickets_pkey"}
    # Half of the timers have ended; each is looked up with its ticket.
    assert hot.examined() <= 2 * of_the_month

    assert await attainment.breaches_by_hour(hot, month)
    assert "breaches_by_due" in hot.indexes()
    assert hot.examined() <= 4 * of_the_month
    assert hot.sorted() <= of_the_month


async def test_pauses_of_a_month_are_found_by_when_they_began(hot: Explaining, rows: int) -> None:
    start = datetime(2026, 10, 1, tzinfo=UTC)
    month = Period("desk-3", start, start + timedelta(days=31))
    await reports.paused_tickets(hot, month, UUID(int=0), attainment.BATCH)
    assert hot.indexes() == {"facts_of_waiting", "tickets_pkey"}
    of_the_month = rows // 10 * 31 // DAYS + 2
    assert hot.examined() <= 3 * of_the_month


async def test_what_if_reads_the_openings_of_a_page_by_key(hot: Explaining, rows: int) -> None:
    """The tickets are gone through in the order of their ids, all pages together once."""
    last, looked_at = UUID(int=0), 0
    while page := await tickets_of_desk.opened_within(hot, "desk-3", SINCE, NOW, last, whatif.PAGE):
        last, looked_at = page[-1][0], looked_at + len(page)
    assert looked_at == rows // DESKS
    assert hot.indexes() == {"tickets_pkey", "facts_pkey"}
    # Where several processes read a page together, some read on past its end.
    assert hot.examined() <= 2 * rows + 5 * looked_at
