"""The least that a program must do for what `sla` does with ticket events.

The same records read, the same rows written, as many events of the same size published, in the
fewest statements, and no rules, calendars, fencing or policies at all. The benchmark checks that
its rows and events are as many as the service's.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka.structs import ConsumerRecord
from pydantic_core import to_json

from bench import bare
from pledge.events import EVENT_TYPES
from pledge.runtime.clock import SystemClock

TOPIC = "ticket.events.v1"
FIRST = timedelta(hours=8)
LAST = timedelta(hours=72)
CLOCK = SystemClock()

TICKETS = (
    "ticket_id", "topic", "partition", "desk", "number", "policy_version", "severity", "priority",
    "is_closed", "sequence", "timer_sequence", "breach_sequence", "wake_at", "cause_id",
    "correlation_id",
)  # fmt: skip
TIMERS = (
    "ticket_id", "metric", "cycle", "desk", "state", "started_at", "due_at", "expect_at", "met_at",
    "at_risk_sent", "target", "reason",
)  # fmt: skip

_UPDATE_TICKETS = """
UPDATE tickets SET sequence = n.sequence, timer_sequence = n.timer_sequence, wake_at = n.wake_at,
    cause_id = n.cause
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::timestamptz[], $5::text[])
    AS n(id, sequence, timer_sequence, wake_at, cause)
WHERE tickets.ticket_id = n.id
"""
_UPDATE_TIMERS = """
UPDATE timers SET state = n.state, due_at = n.due_at
FROM unnest($1::uuid[], $2::text[], $3::int[], $4::text[], $5::timestamptz[])
    AS n(id, metric, cycle, state, due_at)
WHERE timers.ticket_id = n.id AND timers.metric = n.metric AND timers.cycle = n.cycle
"""


class Work:
    """The rows and events of one batch."""

    def __init__(self, timer_sequences: dict[UUID, int]) -> None:
        self.timer_sequences = timer_sequences
        self.new: dict[UUID, tuple[Any, ...]] = {}
        self.changed: dict[UUID, tuple[Any, ...]] = {}
        self.facts: list[tuple[Any, ...]] = []
        self.timers: dict[tuple[UUID, str], tuple[Any, ...]] = {}
        self.changed_timers: dict[tuple[UUID, str], tuple[Any, ...]] = {}
        self.messages: list[bare.Outgoing] = []
        self.now = CLOCK.now()

    def take(self, record: ConsumerRecord) -> None:
        headers = dict(record.headers)
        event: Any = EVENT_TYPES[headers["ce_type"].decode()].model_validate_json(record.value)
        cause, sequence = headers["ce_id"].decode(), int(headers["ce_sequence"])
        kind, ticket_id, at = event.type.split(".")[2], event.ticket_id, event.occurred_at
        data = to_json({"desk": event.desk, "type": event.type, "number": event.number}).decode()
        self.facts.append((ticket_id, sequence, kind, at, event.recorded_at, data))
        wake = at + FIRST
        if kind == "opened":
            for metric, after in (("first_response", FIRST), ("resolution", LAST)):
                self._time(event, metric, "running", at + after)
                self._publish("started", event, record, cause, metric, at + after)
            self.new[ticket_id] = (
                ticket_id, TOPIC, record.partition, event.desk, event.number, "3f1c9d0b7a66", "p3",
                None, False, sequence, 2, 0, wake, cause, cause, None,
            )  # fmt: skip
            return
        metric = "first_response" if kind == "agent_replied" else "resolution"
        state = _STATES[kind]
        self._time(event, metric, state, wake)
        self._publish(state, event, record, cause, metric, wake)
        row = (ticket_id, sequence, self.timer_sequences[ticket_id], wake, cause)
        if (new := self.new.get(ticket_id)) is not None:
            self.new[ticket_id] = (*new[:9], sequence, row[2], 0, wake, cause, new[14])
        else:
            self.changed[ticket_id] = row

    def _time(self, event: Any, metric: str, state: str, due: datetime) -> None:
        key = event.ticket_id, metric
        if state == "running" or key in self.timers:
            self.timers[key] = (
                event.ticket_id, metric, 1, event.desk, state, event.occurred_at, due, None, None,
                0, "within 8 hours on office", "opened",
            )  # fmt: skip
        else:
            self.changed_timers[key] = (event.ticket_id, metric, 1, state, due)

    def _publish(
        self,
        kind: str,
        event: Any,
        record: ConsumerRecord,
        cause: str,
        metric: str,
        due: datetime,
    ) -> None:
        timer_sequence = self.timer_sequences.get(event.ticket_id, 0) + 1
        self.timer_sequences[event.ticket_id] = timer_sequence
        value = to_json(
            {
                "type": f"pledge.timer.{kind}.v1", "desk": event.desk,
                "occurred_at": event.occurred_at, "recorded_at": self.now,
                "ticket_id": event.ticket_id, "incident_id": None, "severity": "p3",
                "priority": None, "metric": metric, "cycle": 1, "target": "8 hours on office",
                "due_at": due, "policy_version": "3f1c9d0b7a66", "number": event.number,
                "expect_at": None, "reason": "agent_replied",
            }
        )  # fmt: skip
        headers = [
            ("ce_specversion", b"1.0"),
            bare.header("ce_id", f"{cause[:34]}{len(metric) % 10}{timer_sequence % 10}"),
            ("ce_source", b"/sla"),
            bare.header("ce_type", f"pledge.timer.{kind}.v1"),
            bare.header("ce_time", event.occurred_at.isoformat()),
            ("ce_subject", record.key),
            bare.header("ce_desk", event.desk),
            bare.header("ce_sequence", str(timer_sequence)),
            bare.header("ce_correlationid", cause),
            bare.header("ce_causationid", cause),
            ("content-type", b"application/json"),
        ]
        # The same key in a topic of as many partitions: the same partition.
        self.messages.append((record.partition, record.key, value, headers))


_STATES = {
    "agent_replied": "met",
    "waiting_on_customer": "paused",
    "requester_replied": "resumed",
    "resolved": "met",
}
_KEPT = {"resumed": "running"}


async def write(
    connection: asyncpg.Connection, work: Work, read: tuple[list[int], list[int]], first_id: int
) -> None:
    """Everything in one transaction."""
    async with connection.transaction():
        await connection.execute(bare.ADVANCE, TOPIC, *read)
        if work.new:
            # The service must look whether it knows a ticket before it opens it.
            await connection.fetch(
                "SELECT ticket_id FROM tickets WHERE ticket_id = ANY($1)", list(work.new)
            )
            await connection.copy_records_to_table(
                "tickets", columns=TICKETS, records=work.new.values()
            )
            timers = [(*r[:4], _KEPT.get(r[4], r[4]), *r[5:]) for r in work.timers.values()]
            await connection.copy_records_to_table("timers", columns=TIMERS, records=timers)
        await connection.copy_records_to_table("facts", records=work.facts)
        if work.changed:
            columns = zip(*work.changed.values(), strict=True)
            await connection.execute(_UPDATE_TICKETS, *map(list, columns))
        if work.changed_timers:
            rows = [(*r[:3], _KEPT.get(r[3], r[3]), r[4]) for r in work.changed_timers.values()]
            await connection.execute(_UPDATE_TIMERS, *map(list, zip(*rows, strict=True)))
        rows = [
            bare.outbox_row(row_id, "sla.events.v1", message)
            for row_id, message in enumerate(work.messages, first_id)
        ]
        await connection.copy_records_to_table("outbox", columns=bare.OUTBOX, records=rows)


async def main() -> None:
    """Consume until killed."""
    connection = await bare.connect("PLEDGE_SLA_DSN")
    timer_sequences: dict[UUID, int] = {}
    next_id = 1
    async with bare.consumer(TOPIC) as consumer, bare.producer() as producer:
        deleting = await bare.connect("PLEDGE_SLA_DSN", only_deletes=True)
        relay = bare.Relay(deleting, producer, "sla.events.v1")
        while True:
            batches = await consumer.getmany(timeout_ms=200, max_records=bare.BATCH)
            if not batches:
                continue
            work = Work(timer_sequences)
            for records in batches.values():
                for record in records:
                    work.take(record)
            await write(connection, work, bare.ends(batches), next_id)
            next_id += len(work.messages)
            await relay.take(work.messages, next_id - 1)


if __name__ == "__main__":
    bare.run(main())
