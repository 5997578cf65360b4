"""The least that a program must do to page somebody about a breach.

It reads the breaches, writes a page and its delivery, posts it to the receiver at `BENCH_PAGER` on
an open connection, notes that it was taken and publishes two events. It retries nothing, signs
nothing and asks no policy.
"""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.structs import ConsumerRecord
from pydantic_core import from_json, to_json

from bench import bare
from pledge.runtime.clock import SystemClock
from pledge.runtime.ids import SystemIds
from pledge.runtime.postgres.pool import PLANNING

TOPIC = "sla.breaches.v1"
CLOCK = SystemClock()
IDS = SystemIds(CLOCK)

_RAISE = """
WITH read AS (
    INSERT INTO consumed (topic, partition, next_offset, epoch) VALUES ($1, $2, $3, 1)
    ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset
), noted AS (
    INSERT INTO seen (topic, subject, sequence) VALUES ($1, $4, 1)
), page AS (
    INSERT INTO pages (id, desk, subject, about, route, summary, severity, metric, due_at,
        occurred_at, detected_at, is_late, policy, state, step, round, next_step_at, raised_at,
        cause)
    VALUES ($5, 'bench', $4, $6, 'page-on-a-breach', 'first_response missed', 'p1',
        'first_response', $7, $7, $8, false, '{}', 'triggered', 0, 0, $8, $8, $6)
)
INSERT INTO deliveries (id, desk, lane, channel, kind, target, about, page_id, content, context,
    cause, is_automatic, state, next_attempt_at, attempts, created_at)
VALUES ($5, 'bench', 'bench/webhook/pager/page', 'webhook', 'page', 'pager', $6, NULL, $9, $6, $6,
    false, 'pending', $8, 1, $8)
"""
_DONE = """
WITH delivery AS (
    UPDATE deliveries SET state = 'delivered', next_attempt_at = NULL, finished_at = $2
    WHERE id = $1
), counted AS (
    INSERT INTO published (subject, sequence) VALUES ($3, 2)
)
INSERT INTO outbox (shard, topic, key, value, header_names, header_values)
SELECT 0, 'notify.events.v1', $4, value, $6, $7 FROM unnest($5::bytea[]) AS message(value)
RETURNING id
"""


class Pager:
    """One open HTTP connection at a time to the receiver for each page under way."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._head = f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-length: "
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def post(self, body: bytes) -> None:
        if self._idle:
            reader, writer = self._idle.pop()
        else:
            reader, writer = await asyncio.open_connection(self._host, self._port)
        writer.write(f"{self._head}{len(body)}\r\n\r\n".encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in answer:
            raise RuntimeError(answer.decode())
        self._idle.append((reader, writer))


async def page(
    pool: asyncpg.Pool, producer: AIOKafkaProducer, pager: Pager, record: ConsumerRecord
) -> None:
    event: dict[str, Any] = from_json(record.value)
    page_id, now, subject = IDS.new(), CLOCK.now(), event["ticket_id"]
    about = to_json({"ticket_id": subject, "number": event["ticket_number"]}).decode()
    body = to_json(
        {
            "type": "page", "id": str(page_id), "ticket": {"number": event["ticket_number"]},
            "summary": "first_response missed", "severity": event["severity"],
            "due_at": event["due_at"], "raised_at": now, "escalation": {"step": 0, "round": 0},
            "acknowledge_url": f"http://127.0.0.1/a/{page_id}{page_id}{page_id}",
        }
    )  # fmt: skip
    due = datetime.fromisoformat(event["due_at"])
    async with pool.acquire() as connection:
        await connection.execute(
            _RAISE, TOPIC, record.partition, record.offset + 1, subject, page_id, about, due, now,
            body.decode(),
        )  # fmt: skip
    await pager.post(body)
    await record_outcome(pool, producer, event, page_id)


async def record_outcome(
    pool: asyncpg.Pool, producer: AIOKafkaProducer, event: dict[str, Any], page_id: Any
) -> None:
    now, subject = CLOCK.now(), event["ticket_id"]
    key = subject.encode()
    values = [
        to_json(
            {
                "type": f"pledge.page.{kind}.v1", "desk": "bench", "occurred_at": now,
                "recorded_at": now, "ticket_id": subject, "number": event["ticket_number"],
                "page_id": page_id, "policy": "on-call", "why": "first_response missed",
                "breach_id": event["breach_id"], "step": 0, "round": 0, "responder": "pager",
                "method": "webhook", "attempt": 1,
            }
        )
        for kind in ("sent", "delivered")
    ]  # fmt: skip
    headers = [bare.header("ce_subject", subject), bare.header("ce_id", str(page_id))]
    names, contents = [name for name, _ in headers], [content for _, content in headers]
    async with pool.acquire() as connection:
        rows = await connection.fetch(_DONE, page_id, now, subject, key, values, names, contents)
        place = bare.place(key)
        await bare.send(
            producer, "notify.events.v1", [(place, key, value, headers) for value in values]
        )
        await connection.execute(
            "DELETE FROM outbox WHERE id = ANY($1::bigint[])", [row["id"] for row in rows]
        )


async def main() -> None:
    """Page for every breach until killed."""
    pool = await asyncpg.create_pool(
        os.environ["PLEDGE_NOTIFY_DSN"], min_size=8, max_size=8, server_settings=PLANNING
    )
    pager = Pager(os.environ["BENCH_PAGER"])
    async with (
        bare.consumer(TOPIC) as consumer,
        bare.producer() as producer,
        asyncio.TaskGroup() as group,
    ):
        while True:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    group.create_task(page(pool, producer, pager, record))


if __name__ == "__main__":
    bare.run(main())
