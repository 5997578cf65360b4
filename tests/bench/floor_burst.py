"""The least that a program must do to publish many breaches of the same instant.

It waits for the instant `BENCH_DUE`, reads the tickets due by the index of wakes, with what
the event needs of their facts, writes the same rows in the fewest statements, a thousand tickets a
transaction, and publishes events of the same size while the next thousand are worked on. It
assesses nothing, and asks nobody whether all replies were read.
"""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from typing import Any

import asyncpg
from pydantic_core import from_json

from bench import bare
from bench.floor_breach import message
from pledge.runtime.clock import SystemClock
from pledge.runtime.ids import SystemIds

TOPIC = "sla.breaches.v1"
CLOCK = SystemClock()
IDS = SystemIds(CLOCK)

_READ = """
SELECT ticket_id, number, wake_at, data
FROM (
    SELECT ticket_id, number, wake_at FROM tickets
    WHERE topic = 'ticket.events.v1' AND partition = $1 AND desk = 'many' AND wake_at <= $2
    ORDER BY wake_at LIMIT $3
) AS due JOIN facts USING (ticket_id)
"""
_WRITE = """
WITH fired AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS fired(breach_id, id, due_at)
), ticket AS (
    UPDATE tickets SET breach_sequence = 1, wake_at = NULL FROM fired WHERE ticket_id = id
), timer AS (
    UPDATE timers SET state = 'breached' FROM fired
    WHERE ticket_id = id AND metric = 'first_response' AND cycle = 1
)
INSERT INTO breaches (breach_id, ticket_id, desk, metric, cycle, severity, target, policy_version,
    due_at, detected_at, is_late, is_provisional)
SELECT breach_id, id, 'many', 'first_response', 1, 'p1', '10 minutes', '3f1c9d0b7a66', due_at, $4,
    false, false
FROM fired
"""


class Burst:
    """One drain of what is due."""

    def __init__(self, connection: asyncpg.Connection, relay: bare.Relay) -> None:
        self._connection, self._relay = connection, relay
        self._row_id = 0

    async def drain(self, due: datetime) -> None:
        """Fire all that is due by `due`, partition by partition."""
        for partition in range(bare.PARTITIONS):
            while rows := await self._connection.fetch(_READ, partition, due, bare.BATCH):
                await self._fire(rows)

    async def _fire(self, rows: list[asyncpg.Record]) -> None:
        now = CLOCK.now()
        messages: list[bare.Outgoing] = []
        for row in rows:
            # It needs the requester and the subject, so it reads them.
            fact: dict[str, Any] = from_json(row["data"])
            value, headers = message(fact["ticket_id"], row["number"], row["wake_at"], now)
            key = fact["ticket_id"].encode()
            messages.append((bare.place(key), key, value, headers))
        first = self._row_id + 1
        self._row_id += len(rows)
        outbox = [bare.outbox_row(n, TOPIC, each) for n, each in enumerate(messages, first)]
        async with self._connection.transaction():
            await self._connection.execute(
                _WRITE,
                [IDS.new() for _ in rows],
                [row["ticket_id"] for row in rows],
                [row["wake_at"] for row in rows],
                now,
            )
            await self._connection.copy_records_to_table(
                "outbox", columns=bare.OUTBOX, records=outbox
            )
        await self._relay.take(messages, self._row_id)


async def main() -> None:
    """Drain what is due at the instant, then wait until killed."""
    due = datetime.fromisoformat(os.environ["BENCH_DUE"])
    work = await bare.connect("PLEDGE_SLA_DSN")
    deletes = await bare.connect("PLEDGE_SLA_DSN", only_deletes=True)
    async with bare.producer() as producer:
        burst = Burst(work, bare.Relay(deletes, producer, TOPIC))
        await CLOCK.sleep_until(due)
        await burst.drain(due)
        await asyncio.Event().wait()


if __name__ == "__main__":
    bare.run(main())
