"""The tables of the hot path: what a batch of facts or of due timers reads and writes.

Everything is set-based: the number of statements does not grow with the number of tickets.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from pydantic_core import from_json, to_json

from pledge.runtime.records import Partition
from sla.domain.policy_versions import EarlierVersion
from sla.domain.values import Fact, PublishedSilence, PublishedState, PublishedTimer, State
from sla.storage import quarantine
from sla.storage.rows import BreachRow, FactRow, RetractionRow, Rows, TimerRow, Wake
from sla.storage.ticket_cache import LONG_AGO, Cause, Ticket

_TICKETS = """
SELECT ticket_id, topic, partition, desk, number, policy_version, severity, priority, customer,
       is_closed, sequence, timer_sequence, breach_sequence, wake_at, cause_id, correlation_id,
       traceparent, silences, earlier, objectives
FROM tickets WHERE ticket_id = ANY($1::uuid[])
"""
_FACTS = """
SELECT ticket_id, sequence, type, occurred_at, recorded_at, data
FROM facts WHERE ticket_id = ANY($1::uuid[]) ORDER BY ticket_id, sequence
"""
_PUBLISHED = """
SELECT ticket_id, metric, cycle, state, due_at, expect_at, at_risk_sent, met_at
FROM timers WHERE ticket_id = ANY($1::uuid[]) ORDER BY ticket_id, metric, cycle
"""
# Whatever happens to a ticket writes its row, and every write is of another transaction.
_ROWS_VERSION = """
SELECT string_agg(xmin::text, ' ' ORDER BY ticket_id) FROM tickets
WHERE ticket_id = ANY($1::uuid[])
"""
# The desks that there are, one index probe each; then the first of each desk, each one's second, …
_DUE = """
WITH RECURSIVE wanted AS (
    (SELECT desk FROM tickets WHERE topic = $1 AND partition = $2 AND wake_at IS NOT NULL
     ORDER BY desk LIMIT 1)
    UNION ALL
    SELECT following.desk FROM wanted CROSS JOIN LATERAL (
        SELECT desk FROM tickets
        WHERE topic = $1 AND partition = $2 AND wake_at IS NOT NULL AND desk > wanted.desk
        ORDER BY desk LIMIT 1) AS following
)
SELECT due.wake_at, due.ticket_id, due.desk
FROM wanted CROSS JOIN LATERAL (
    SELECT wake_at, ticket_id, desk, row_number() OVER (ORDER BY wake_at) AS place FROM tickets
    WHERE topic = $1 AND partition = $2 AND desk = wanted.desk AND wake_at <= $3
    ORDER BY wake_at LIMIT $4
) AS due
ORDER BY due.place LIMIT greatest($4, (SELECT count(*) FROM wanted))
"""
_COUNTS = """
SELECT desk, state, count(*) AS timers FROM timers
WHERE state IN ('running', 'paused') GROUP BY desk, state
"""

_TICKET_COLUMNS = (
    "ticket_id", "topic", "partition", "desk", "number", "policy_version", "severity", "priority",
    "customer", "is_closed", "sequence", "timer_sequence", "breach_sequence", "wake_at", "cause_id",
    "correlation_id", "traceparent", "silences",
)  # fmt: skip
_UPDATE_TICKETS = """
UPDATE tickets SET partition = new.partition, severity = new.severity, priority = new.priority,
       customer = new.customer, is_closed = new.is_closed, sequence = new.sequence,
       timer_sequence = new.timer_sequence, breach_sequence = new.breach_sequence,
       wake_at = new.wake_at,
       cause_id = new.cause_id, correlation_id = new.correlation_id, traceparent = new.traceparent,
       silences = new.silences
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::bool[], $7::bigint[],
            $8::bigint[], $9::bigint[], $10::timestamptz[], $11::text[], $12::text[], $13::text[],
            $14::json[])
     AS new(ticket_id, partition, severity, priority, customer, is_closed, sequence, timer_sequence,
            breach_sequence, wake_at, cause_id, correlation_id, traceparent, silences)
WHERE tickets.ticket_id = new.ticket_id
"""
_TAKE_OVER = """
UPDATE tickets SET partition = new.partition, severity = new.severity, priority = new.priority,
       customer = new.customer, is_closed = new.is_closed, timer_sequence = new.timer_sequence,
       breach_sequence = new.breach_sequence, wake_at = new.wake_at, silences = new.silences,
       policy_version = new.policy_version, earlier = new.earlier
FROM unnest($1::uuid[], $2::int[], $3::text[], $4::text[], $5::text[], $6::bool[], $7::bigint[],
            $8::bigint[], $9::timestamptz[], $10::json[], $11::text[], $12::json[])
     AS new(ticket_id, partition, severity, priority, customer, is_closed, timer_sequence,
            breach_sequence, wake_at, silences, policy_version, earlier)
WHERE tickets.ticket_id = new.ticket_id
"""
_FACT_COLUMNS = ("ticket_id", "sequence", "type", "occurred_at", "recorded_at", "data")
_TIMER_COLUMNS = (
    "ticket_id", "metric", "cycle", "desk", "state", "started_at", "due_at", "expect_at", "met_at",
    "at_risk_sent", "target", "reason", "left_for",
)  # fmt: skip
_UPDATE_TIMERS = """
UPDATE timers SET state = new.state, started_at = new.started_at, due_at = new.due_at,
       expect_at = new.expect_at, met_at = new.met_at, at_risk_sent = new.at_risk_sent,
       target = new.target, reason = new.reason, left_for = new.left_for
FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::timestamptz[], $6::timestamptz[],
            $7::timestamptz[], $8::timestamptz[], $9::int[], $10::text[], $11::text[],
            $12::interval[])
     AS new(ticket_id, metric, cycle, state, started_at, due_at, expect_at, met_at, at_risk_sent,
            target, reason, left_for)
WHERE timers.ticket_id = new.ticket_id AND timers.metric = new.metric AND timers.cycle = new.cycle
"""
# A promise that was broken, kept after all, and broken again is the same breach, standing again,
# though it may be another version's by now.
_INSERT_BREACHES = """
INSERT INTO breaches (breach_id, ticket_id, desk, metric, cycle, severity, priority, target,
                      policy_version, due_at, detected_at, is_late, is_provisional)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::int[], $6::text[],
                     $7::text[], $8::text[], $9::text[], $10::timestamptz[], $11::timestamptz[],
                     $12::bool[], $13::bool[])
ON CONFLICT (breach_id) DO UPDATE SET severity = excluded.severity,
    priority = excluded.priority, target = excluded.target,
    policy_version = excluded.policy_version, detected_at = excluded.detected_at,
    is_late = excluded.is_late, is_provisional = excluded.is_provisional, retracted_at = NULL,
    reason = NULL, met_at = NULL
"""
_RETRACT = """
UPDATE breaches SET retracted_at = new.retracted_at, reason = new.reason, met_at = new.met_at
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::timestamptz[])
     AS new(breach_id, retracted_at, reason, met_at)
WHERE breaches.breach_id = new.breach_id
"""


async def load_tickets(
    connection: asyncpg.Connection, ticket_ids: Collection[UUID]
) -> dict[UUID, Ticket]:
    """The tickets that exist among `ticket_ids`, with their facts and published state."""
    if not ticket_ids:
        return {}
    rows = await connection.fetch(_TICKETS, list(ticket_ids))
    if not rows:
        return {}
    known = [row["ticket_id"] for row in rows]
    facts: dict[UUID, list[Fact]] = {each: [] for each in known}
    for row in await connection.fetch(_FACTS, known):
        facts[row["ticket_id"]].append(_fact(row))
    published: dict[UUID, list[PublishedTimer]] = {each: [] for each in known}
    for row in await connection.fetch(_PUBLISHED, known):
        published[row["ticket_id"]].append(_published(row))
    return {
        row["ticket_id"]: _ticket(row, facts[row["ticket_id"]], published[row["ticket_id"]])
        for row in rows
    }


async def rows_version(connection: asyncpg.Connection, ticket_ids: Collection[UUID]) -> str | None:
    """The version of the tickets' rows: while it is the same, none of them has changed."""
    found: str | None = await connection.fetchval(_ROWS_VERSION, ticket_ids)
    return found


def _fact(row: asyncpg.Record) -> Fact:
    return Fact(
        row["type"], row["occurred_at"], row["recorded_at"], row["sequence"], from_json(row["data"])
    )


def _published(row: asyncpg.Record) -> PublishedTimer:
    return PublishedTimer(
        row["metric"],
        row["cycle"],
        State(row["state"]),
        row["due_at"],
        row["expect_at"],
        row["at_risk_sent"],
        row["met_at"],
    )


def _ticket(row: asyncpg.Record, facts: Sequence[Fact], timers: Sequence[PublishedTimer]) -> Ticket:
    return Ticket(
        ticket_id=row["ticket_id"],
        home=Partition(row["topic"], row["partition"]),
        desk=row["desk"],
        number=row["number"],
        policy_version=row["policy_version"],
        sequence=row["sequence"],
        cause=Cause(row["cause_id"], row["correlation_id"], row["traceparent"]),
        timer_sequence=row["timer_sequence"],
        breach_sequence=row["breach_sequence"],
        newest_at=max((fact.recorded_at for fact in facts), default=LONG_AGO),
        wake_at=row["wake_at"],
        severity=row["severity"],
        priority=row["priority"],
        customer=row["customer"],
        is_closed=row["is_closed"],
        facts=tuple(facts),
        published=PublishedState(tuple(timers), _silences(row["silences"])),
        earlier=read_earlier(row["earlier"]),
        objectives=tuple(row["objectives"] or ()),
    )


def _silences(text: str | None) -> tuple[PublishedSilence, ...]:
    if text is None:
        return ()
    return tuple(
        PublishedSilence(
            each["rule"],
            datetime.fromisoformat(each["elapses_at"]),
            each["is_warned"],
            each["is_elapsed"],
        )
        for each in from_json(text)
    )


def _silences_text(silences: Sequence[PublishedSilence]) -> str | None:
    return to_json(list(silences)).decode() if silences else None


def read_earlier(text: str | None) -> tuple[EarlierVersion, ...]:
    """The versions that a ticket was under before, as its row keeps them."""
    if text is None:
        return ()
    return tuple(
        EarlierVersion(
            each["version"],
            datetime.fromisoformat(each["until"]),
            settled=frozenset(map(tuple, each["settled"])),
            open=frozenset(map(tuple, each["open"])),
            gone=frozenset(map(tuple, each["gone"])),
            since={
                (metric, cycle): datetime.fromisoformat(at)
                for metric, cycle, at in each.get("since", ())
            },
        )
        for each in from_json(text)
    )


def _earlier_text(earlier: Sequence[EarlierVersion]) -> str | None:
    if not earlier:
        return None
    versions = [
        {
            "version": each.version,
            "until": each.until,
            "settled": sorted(each.settled),
            "open": sorted(each.open),
            "gone": sorted(each.gone),
            "since": [(*key, at) for key, at in each.since.items()],
        }
        for each in earlier
    ]
    return to_json(versions).decode()


async def due_tickets(
    connection: asyncpg.Connection, home: Partition, horizon: datetime, limit: int
) -> list[tuple[datetime, Wake]]:
    """The tickets of a partition that are due to be assessed by `horizon`, earliest first per desk.

    At most `limit`, but at least one of each desk; where there are more, desks share equally.
    """
    rows = await connection.fetch(_DUE, home.topic, home.number, horizon, limit)
    return [(row["wake_at"], (row["ticket_id"], row["desk"])) for row in rows]


async def count_timers(connection: asyncpg.Connection) -> dict[tuple[str, str], int]:
    """How many timers are running and how many are paused, by desk and state."""
    rows = await connection.fetch(_COUNTS)
    return {(row["desk"], row["state"]): row["timers"] for row in rows}


_KEEP_OBJECTIVES = """
UPDATE tickets SET objectives = string_to_array(new.names, ' ')
FROM unnest($1::uuid[], $2::text[]) AS new(ticket_id, names) WHERE tickets.ticket_id = new.ticket_id
"""


async def save(connection: asyncpg.Connection, rows: Rows) -> None:
    """Write all that a transaction changed, in the caller's transaction."""
    await _insert_tickets(connection, rows.new_tickets)
    await update_tickets(connection, rows.changed_tickets)
    await _take_over(connection, rows.taken_over)
    await _keep_objectives(connection, rows.objectives)
    await _insert_facts(connection, rows.facts)
    await _insert_timers(connection, rows.new_timers)
    await _update_timers(connection, rows.changed_timers)
    await _insert_breaches(connection, rows.breaches)
    await _retract_breaches(connection, rows.retractions)
    await quarantine.insert_waiting(connection, rows.waiting, rows.waiting_since)


async def _insert_tickets(connection: asyncpg.Connection, tickets: Sequence[Ticket]) -> None:
    if not tickets:
        return
    records = [
        (
            each.ticket_id, each.home.topic, each.home.number, each.desk, each.number,
            each.policy_version, each.severity, each.priority, each.customer, each.is_closed,
            each.sequence,
            each.timer_sequence, each.breach_sequence, each.wake_at, each.cause.id,
            each.cause.correlation_id, each.cause.traceparent,
            _silences_text(each.published.silences),
        )
        for each in tickets
    ]  # fmt: skip
    await connection.copy_records_to_table("tickets", records=records, columns=_TICKET_COLUMNS)


async def update_tickets(connection: asyncpg.Connection, tickets: Sequence[Ticket]) -> None:
    """Write what changes in a ticket's row; its opening stays."""
    if not tickets:
        return
    rows = [
        (
            each.ticket_id, each.home.number, each.severity, each.priority, each.customer,
            each.is_closed, each.sequence, each.timer_sequence, each.breach_sequence, each.wake_at,
            each.cause.id,
            each.cause.correlation_id, each.cause.traceparent,
            _silences_text(each.published.silences),
        )
        for each in tickets
    ]  # fmt: skip
    await connection.execute(_UPDATE_TICKETS, *_columns(rows))


async def _take_over(connection: asyncpg.Connection, tickets: Sequence[Ticket]) -> None:
    """Write what another version changes in a ticket's row, with the version."""
    if not tickets:
        return
    rows = [
        (
            each.ticket_id, each.home.number, each.severity, each.priority, each.customer,
            each.is_closed, each.timer_sequence, each.breach_sequence, each.wake_at,
            _silences_text(each.published.silences), each.policy_version,
            _earlier_text(each.earlier),
        )
        for each in tickets
    ]  # fmt: skip
    await connection.execute(_TAKE_OVER, *_columns(rows))


async def _keep_objectives(connection: asyncpg.Connection, tickets: Sequence[Ticket]) -> None:
    """Write which objectives count the tickets' promises, of those where that has changed."""
    if tickets:
        rows = [(each.ticket_id, " ".join(each.objectives)) for each in tickets]
        await connection.execute(_KEEP_OBJECTIVES, *_columns(rows))


async def _insert_facts(connection: asyncpg.Connection, facts: Sequence[FactRow]) -> None:
    if facts:
        await connection.copy_records_to_table("facts", records=facts, columns=_FACT_COLUMNS)


async def _insert_timers(connection: asyncpg.Connection, timers: Sequence[TimerRow]) -> None:
    if timers:
        await connection.copy_records_to_table("timers", records=timers, columns=_TIMER_COLUMNS)


async def _update_timers(connection: asyncpg.Connection, timers: Sequence[TimerRow]) -> None:
    if timers:
        ids = [(*row[:3], *row[4:]) for row in timers]  # the desk never changes
        await connection.execute(_UPDATE_TIMERS, *_columns(ids))


async def _insert_breaches(connection: asyncpg.Connection, breaches: Sequence[BreachRow]) -> None:
    if breaches:
        await connection.execute(_INSERT_BREACHES, *_columns(breaches))


async def _retract_breaches(
    connection: asyncpg.Connection, retractions: Sequence[RetractionRow]
) -> None:
    if retractions:
        await connection.execute(_RETRACT, *_columns(retractions))


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Rows turned into one list per column, as unnest wants them."""
    return [list(column) for column in zip(*rows, strict=True)]
