"""The least that a program must do for what `sla` does with ticket events.

Bare aiokafka and asyncpg: the same records read, the same rows written, as many events of the same
size published, in the fewest statements, and no rules, calendars, fencing or policies at all. The
benchmark checks that its rows and events are as many as the service's.
"""

from __future__ import annotations

import asyncio
import os
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from pydantic_core import to_json

from pledge.events import EVENT_TYPES
from pledge.runtime.clock import SystemClock
from pledge.runtime.ids import SystemIds

BATCH = 1_000
FIRST = timedelta(hours=8)
LAST = timedelta(hours=72)
CLOCK = SystemClock()
IDS = SystemIds(CLOCK)


class Work:
    """The rows and events of one batch."""

    def __init__(self) -> None:
        self.new: list[tuple[Any, ...]] = []
        self.changed: list[tuple[Any, ...]] = []
        self.facts: list[tuple[Any, ...]] = []
        self.timers: list[tuple[Any, ...]] = []
        self.changed_timers: list[tuple[Any, ...]] = []
        self.messages: list[tuple[bytes, bytes, list[tuple[str, bytes]]]] = []
        self.sequences: dict[UUID, int] = {}

    def tell(self, kind: str, event: Any, cause: str, metric: str, due: datetime | None) -> None:
        sequence = self.sequences[event.ticket_id] = self.sequences.get(event.ticket_id, 0) + 1
        value = to_json(
            {
                "desk": event.desk, "occurred_at": event.occurred_at, "recorded_at": CLOCK.now(),
                "type": f"pledge.timer.{kind}.v1", "ticket_id": event.ticket_id,
                "number": event.number, "metric": metric, "cycle": 1, "due_at": due,
                "expect_at": None, "target": "within 8 hours on office",
                "policy_version": "3f1c9d0b7a66", "reason": "agent_replied",
            }
        )  # fmt: skip
        headers = [
            ("ce_specversion", b"1.0"), ("ce_id", str(IDS.new()).encode()), ("ce_source", b"/sla"),
            ("ce_type", f"pledge.timer.{kind}.v1".encode()),
            ("ce_time", event.occurred_at.isoformat().encode()),
            ("ce_subject", str(event.ticket_id).encode()), ("ce_desk", event.desk.encode()),
            ("ce_sequence", str(sequence).encode()), ("ce_correlationid", cause.encode()),
            ("ce_causationid", cause.encode()), ("content-type", b"application/json"),
        ]  # fmt: skip
        self.messages.append((str(event.ticket_id).encode(), value, headers))

    def take(self, record: Any, partition: int) -> None:
        headers = dict(record.headers)
        event: Any = EVENT_TYPES[headers["ce_type"].decode()].model_validate_json(record.value)
        cause, sequence = headers["ce_id"].decode(), int(headers["ce_sequence"])
        kind = event.type.split(".")[2]
        data = to_json({"desk": event.desk, "type": event.type, "number": event.number}).decode()
        self.facts.append(
            (event.ticket_id, sequence, kind, event.occurred_at, event.recorded_at, data)
        )
        wake = event.occurred_at + FIRST
        if kind == "opened":
            self.new.append(
                (event.ticket_id, "ticket.events.v1", partition, event.desk, event.number, "3f1c",
                 "p3", None, False, sequence, 2, 0, wake, cause, cause, None, None)
            )  # fmt: skip
            for metric, after in (("first_response", FIRST), ("resolution", LAST)):
                due = event.occurred_at + after
                self.timers.append(
                    (event.ticket_id, metric, 1, event.desk, "running", event.occurred_at, due,
                     None, None, 0, "within 8 hours on office", "opened", None)
                )  # fmt: skip
                self.tell("started", event, cause, metric, due)
            return
        metric = "first_response" if kind == "agent_replied" else "resolution"
        state = "paused" if kind == "waiting_on_customer" else "met"
        self.changed_timers.append((event.ticket_id, metric, 1, state, wake))
        self.changed.append((event.ticket_id, sequence, wake, cause))
        self.tell(state, event, cause, metric, wake)


async def write(connection: asyncpg.Connection, work: Work, offsets: dict[int, int]) -> list[int]:
    """Everything in one transaction; returns the ids of the outbox rows."""
    async with connection.transaction():
        await connection.executemany(
            "INSERT INTO consumed VALUES ('ticket.events.v1', $1, $2, 1, 0)"
            " ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset",
            list(offsets.items()),
        )
        if work.new:
            # The service must look whether it knows a ticket before it opens it.
            await connection.fetch(
                "SELECT ticket_id FROM tickets WHERE ticket_id = ANY($1)",
                [row[0] for row in work.new],
            )
            await connection.copy_records_to_table("tickets", records=work.new)
            await connection.copy_records_to_table("timers", records=work.timers)
        await connection.copy_records_to_table("facts", records=work.facts)
        latest = {row[0]: row for row in work.changed}
        await connection.execute(
            "UPDATE tickets SET sequence = n.sequence, wake_at = n.wake_at, cause_id = n.cause"
            " FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[], $4::text[])"
            " AS n(id, sequence, wake_at, cause) WHERE tickets.ticket_id = n.id",
            *([list(column) for column in zip(*latest.values(), strict=True)] or [[]] * 4),
        )
        changed = {row[:3]: row for row in work.changed_timers}
        await connection.execute(
            "UPDATE timers SET state = n.state, due_at = n.due_at"
            " FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::timestamptz[])"
            " AS n(id, metric, cycle, state, due_at) WHERE timers.ticket_id = n.id"
            " AND timers.metric = n.metric AND timers.cycle = n.cycle",
            *([list(column) for column in zip(*changed.values(), strict=True)] or [[]] * 5),
        )
        await connection.copy_records_to_table(
            "outbox",
            columns=["shard", "topic", "key", "value", "header_names", "header_values"],
            records=[
                (0, "sla.events.v1", key, value, [h[0] for h in headers], [h[1] for h in headers])
                for key, value, headers in work.messages
            ],
        )
        rows = await connection.fetch("SELECT id FROM outbox ORDER BY id")
    return [row["id"] for row in rows]


async def main() -> None:
    """Consume until killed."""
    prefix = os.environ.get("KAFKA_TOPIC_PREFIX", "")
    servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    connection = await asyncpg.connect(os.environ["PLEDGE_SLA_DSN"])
    consumer = AIOKafkaConsumer(
        f"{prefix}ticket.events.v1",
        bootstrap_servers=servers,
        group_id=f"{prefix}floor",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=servers, acks="all", enable_idempotence=True, linger_ms=5
    )
    await consumer.start()
    await producer.start()
    sequences: dict[UUID, int] = {}
    while True:
        batches = await consumer.getmany(timeout_ms=200, max_records=BATCH)
        if not batches:
            continue
        work = Work()
        work.sequences = sequences
        offsets = {}
        for partition, records in batches.items():
            offsets[partition.partition] = records[-1].offset + 1
            for record in records:
                work.take(record, partition.partition)
        ids = await write(connection, work, offsets)
        sent = [
            await producer.send(f"{prefix}sla.events.v1", value, key=key, headers=headers)
            for key, value, headers in work.messages
        ]
        await asyncio.gather(*sent)
        await connection.execute("DELETE FROM outbox WHERE id = ANY($1::bigint[])", ids)
        await consumer.commit(
            {
                TopicPartition(partition.topic, partition.partition): records[-1].offset + 1
                for partition, records in batches.items()
            }
        )


if __name__ == "__main__":
    uvloop.run(main())
