"""The least that a program must do to put many open tickets under other promises.

It reads each ticket with its facts and timers, a thousand a transaction, writes the same rows in
the fewest statements, and publishes events of the same size while the next thousand are worked on.
It assesses nothing, owns nothing, and leaves nothing to anybody else.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from pydantic_core import from_json, to_json

from bench import bare
from pledge.runtime.clock import SystemClock

TOPIC = "sla.events.v1"
VERSION = "3f1c9d0b7a66"
LATER = timedelta(days=10)
CLOCK = SystemClock()

_READ = """
SELECT ticket_id, number, timer_sequence, wake_at, due_at, data::text
FROM (
    SELECT ticket_id, number, timer_sequence, wake_at FROM tickets
    WHERE ticket_id > $1 ORDER BY ticket_id LIMIT $2
) AS tickets JOIN facts USING (ticket_id) JOIN timers USING (ticket_id)
ORDER BY ticket_id
"""
_WRITE = """
WITH moved AS (
    SELECT * FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::bigint[], $5::json[])
        AS moved(id, due, wake, sequence, earlier)
), ticket AS (
    UPDATE tickets SET policy_version = $6, earlier = moved.earlier, wake_at = moved.wake,
        timer_sequence = moved.sequence
    FROM moved WHERE ticket_id = id
)
UPDATE timers SET due_at = moved.due, target = '40 days' FROM moved
WHERE ticket_id = id AND metric = 'first_response' AND cycle = 1
"""


class Floor:
    """One pass over all tickets."""

    def __init__(self, connection: asyncpg.Connection, relay: bare.Relay) -> None:
        self._connection, self._relay = connection, relay
        self._row_id = 0

    async def run(self) -> None:
        """Move every ticket's timer."""
        after = UUID(int=0)
        while rows := await self._connection.fetch(_READ, after, bare.BATCH):
            after = rows[-1]["ticket_id"]
            await self._move(rows)

    async def _move(self, rows: list[asyncpg.Record]) -> None:
        now = CLOCK.now()
        messages = [_told(row, from_json(row["data"]), now) for row in rows]
        earlier = to_json(
            [{"version": VERSION, "until": now, "settled": [], "open": [["first_response", 1]]}]
        ).decode()
        first = self._row_id + 1
        self._row_id += len(rows)
        outbox = [bare.outbox_row(n, TOPIC, each) for n, each in enumerate(messages, first)]
        async with self._connection.transaction():
            await self._connection.execute(
                _WRITE,
                [row["ticket_id"] for row in rows],
                [row["due_at"] + LATER for row in rows],
                [row["wake_at"] + LATER for row in rows],
                [row["timer_sequence"] + 1 for row in rows],
                [earlier] * len(rows),
                VERSION,
            )
            await self._connection.copy_records_to_table(
                "outbox", columns=bare.OUTBOX, records=outbox
            )
        await self._relay.take(messages, self._row_id)


def _told(row: asyncpg.Record, fact: dict[str, Any], now: object) -> bare.Outgoing:
    """An event like the service's."""
    subject = str(row["ticket_id"])
    due = row["due_at"]
    data = {
        "type": "pledge.timer.rescheduled.v1", "desk": fact["desk"], "occurred_at": now,
        "recorded_at": now, "ticket_id": subject, "incident_id": None, "severity": "p3",
        "priority": None, "metric": "first_response", "cycle": 1, "target": "40 days",
        "policy_version": VERSION, "number": row["number"], "reason": "policy_changed",
        "due_at": due + LATER, "expect_at": None, "previous_due_at": due,
    }  # fmt: skip
    headers = [
        ("ce_specversion", b"1.0"),
        bare.header("ce_id", subject),
        ("ce_source", b"/sla"),
        ("ce_type", b"pledge.timer.rescheduled.v1"),
        bare.header("ce_time", due.isoformat()),
        bare.header("ce_subject", subject),
        bare.header("ce_desk", fact["desk"]),
        ("ce_sequence", b"2"),
        bare.header("ce_correlationid", subject),
        bare.header("ce_causationid", subject),
        ("content-type", b"application/json"),
    ]
    key = subject.encode()
    return bare.place(key), key, to_json(data), headers


async def main() -> None:
    """Move all timers, then wait until killed."""
    work = await bare.connect("PLEDGE_SLA_DSN")
    deletes = await bare.connect("PLEDGE_SLA_DSN", only_deletes=True)
    async with bare.producer() as producer:
        await Floor(work, bare.Relay(deletes, producer, TOPIC)).run()
        await asyncio.Event().wait()


if __name__ == "__main__":
    bare.run(main())
