"""The least that a program must do to publish a breach at its instant.

It sleeps until the same instants, writes the same rows in one statement and publishes an event of
the same size. It asks nobody whether all replies were read, and any number of it would fire.
`BENCH_PLAN` names a file with the promises: `[[ticket id, number, due], ...]`.
"""

from __future__ import annotations

import asyncio
import json
import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaProducer
from pydantic_core import to_json

from bench import bare
from bench.floor_sla import TICKETS, TIMERS
from pledge.runtime.clock import SystemClock
from pledge.runtime.ids import SystemIds
from pledge.runtime.postgres.pool import PLANNING

TOPIC = "sla.breaches.v1"
WITHIN = timedelta(seconds=30)
CLOCK = SystemClock()
IDS = SystemIds(CLOCK)

_FIRE = """
WITH breach AS (
    INSERT INTO breaches (breach_id, ticket_id, desk, metric, cycle, severity, target,
        policy_version, due_at, detected_at, is_late, is_provisional)
    VALUES ($1, $2, 'bench', 'first_response', 1, 'p1', '30 seconds', '3f1c9d0b7a66', $3, $4,
        false, false)
), ticket AS (
    UPDATE tickets SET breach_sequence = 1, wake_at = NULL WHERE ticket_id = $2
), timer AS (
    UPDATE timers SET state = 'breached'
    WHERE ticket_id = $2 AND metric = 'first_response' AND cycle = 1
)
INSERT INTO outbox (shard, topic, key, value, header_names, header_values)
VALUES (0, $5, $6, $7, $8, $9) RETURNING id
"""


async def arm(pool: asyncpg.Pool, promises: list[tuple[UUID, str, datetime]]) -> None:
    """Write the tickets and timers that are about to be broken."""
    tickets = [
        (ticket_id, "ticket.events.v1", 0, "bench", number, "3f1c9d0b7a66", "p1", None, False, 1,
         1, 0, due, str(ticket_id), str(ticket_id))
        for ticket_id, number, due in promises
    ]  # fmt: skip
    timers = [
        (ticket_id, "first_response", 1, "bench", "running", due - WITHIN, due, None, None, 0,
         "30 seconds", "opened")
        for ticket_id, _, due in promises
    ]  # fmt: skip
    async with pool.acquire() as connection:
        await connection.copy_records_to_table("tickets", columns=TICKETS, records=tickets)
        await connection.copy_records_to_table("timers", columns=TIMERS, records=timers)


async def fire(
    pool: asyncpg.Pool, producer: AIOKafkaProducer, ticket_id: UUID, number: str, due: datetime
) -> None:
    await CLOCK.sleep_until(due)
    now = CLOCK.now()
    value, headers = message(ticket_id, number, due, now)
    key = str(ticket_id).encode()
    names, contents = [name for name, _ in headers], [content for _, content in headers]
    async with pool.acquire() as connection:
        row_id = await connection.fetchval(
            _FIRE, IDS.new(), ticket_id, due, now, TOPIC, key, value, names, contents
        )
        await producer.send_and_wait(
            f"{bare.PREFIX}{TOPIC}", value, key=key, headers=headers, partition=bare.place(key)
        )
        await connection.execute("DELETE FROM outbox WHERE id = $1", row_id)


def message(
    ticket_id: UUID, number: str, due: datetime, now: datetime
) -> tuple[bytes, list[tuple[str, bytes]]]:
    """An event like the service's, and its headers."""
    subject = str(ticket_id)
    data: dict[str, Any] = {
        "type": "pledge.promise.breached.v1", "desk": "bench", "occurred_at": due,
        "recorded_at": now, "ticket_id": subject, "incident_id": None, "severity": "p1",
        "priority": None, "metric": "first_response", "cycle": 1, "target": "30 seconds",
        "due_at": due, "policy_version": "3f1c9d0b7a66", "breach_id": subject,
        "ticket_number": number, "subject_line": "Mail is slow", "channel": "email",
        "requester": {"name": "Ada Example", "email": "ada@customer.example"},
        "breached_at": due, "detected_at": now, "is_late": False, "is_provisional": False,
    }  # fmt: skip
    headers = [
        ("ce_specversion", b"1.0"),
        bare.header("ce_id", subject),
        ("ce_source", b"/sla"),
        ("ce_type", b"pledge.promise.breached.v1"),
        bare.header("ce_time", due.isoformat()),
        bare.header("ce_subject", subject),
        ("ce_desk", b"bench"),
        ("ce_sequence", b"1"),
        bare.header("ce_correlationid", subject),
        bare.header("ce_causationid", subject),
        ("content-type", b"application/json"),
    ]
    return to_json(data), headers


async def main() -> None:
    """Fire every promise of the plan, then wait until killed."""
    plan = json.loads(Path(os.environ["BENCH_PLAN"]).read_text(encoding="utf-8"))
    promises = [(UUID(own), number, datetime.fromisoformat(due)) for own, number, due in plan]
    pool = await asyncpg.create_pool(
        os.environ["PLEDGE_SLA_DSN"], min_size=8, max_size=8, server_settings=PLANNING
    )
    async with bare.producer() as producer:
        await arm(pool, promises)
        await asyncio.gather(*(fire(pool, producer, *promise) for promise in promises))
        await asyncio.Event().wait()


if __name__ == "__main__":
    bare.run(main())
