"""The least that a program must do for what `intake` does with mails.

The same mails read, the same rows looked up and written, as many events of the same size published,
in the fewest statements, and no rules, reply addresses, attachments or other channels. The
benchmark checks that its rows and events are as many as the service's.
"""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

import asyncpg
from aiokafka.structs import ConsumerRecord
from pydantic_core import to_json

from bench import bare
from pledge.events import EVENT_TYPES
from pledge.runtime.clock import SystemClock
from pledge.runtime.ids import SystemIds

TOPIC = "channel.email.v1"
CLOCK = SystemClock()
IDS = SystemIds(CLOCK)

_NOTE = """
INSERT INTO deliveries (key, taken_at) SELECT key, $2 FROM unnest($1::bytea[]) AS new(key)
ON CONFLICT (key) DO NOTHING RETURNING key
"""
_NUMBERS = """
INSERT INTO ticket_numbers AS known (desk, next_number) VALUES ($1, 10001 + $2::bigint)
ON CONFLICT (desk) DO UPDATE SET next_number = known.next_number + $2
RETURNING next_number - $2
"""
_UPDATE = """
UPDATE tickets SET state = 'open', changed_at = $3, sequence = new.sequence,
    details = new.details::jsonb
FROM unnest($1::uuid[], $2::int[], $4::text[]) AS new(id, sequence, details)
WHERE tickets.id = new.id
"""
_TICKETS = (
    "id", "desk", "number", "state", "severity", "priority", "channel", "subject_line",
    "requester", "opened_at", "changed_at", "sequence", "details",
)  # fmt: skip
_FACTS = ("ticket_id", "sequence", "event_id", "type", "occurred_at", "data")


def key_of(kind: str, value: str) -> bytes:
    return hashlib.blake2b(f"{kind}\0bench\0{value}".encode(), digest_size=16).digest()


class Mail:
    """One mail and the keys that it is found by."""

    __slots__ = ("answered", "awaited", "cause", "delivery", "event", "own")

    def __init__(self, record: ConsumerRecord) -> None:
        headers = dict(record.headers)
        self.cause = headers["ce_id"].decode()
        model: Any = EVENT_TYPES[headers["ce_type"].decode()]
        self.event = model.model_validate_json(record.value)
        self.delivery = key_of("email", self.event.delivery)
        self.own = key_of("mail", self.event.message_id)
        self.awaited = key_of("awaited", self.event.message_id)
        reference = self.event.in_reply_to
        self.answered = None if reference is None else key_of("mail", reference)


class Work:
    """The rows and events of one batch."""

    def __init__(self) -> None:
        self.now = CLOCK.now()
        self.threads: dict[bytes, UUID] = {}
        self.opened: dict[UUID, list[Any]] = {}
        self.changed: dict[UUID, list[Any]] = {}
        self.facts: list[tuple[Any, ...]] = []
        self.messages: list[bare.Outgoing] = []

    def open(self, mail: Mail, number: int) -> None:
        event = mail.event
        ticket_id = IDS.new()
        self.threads[mail.own] = ticket_id
        details = self._details(event)
        self.opened[ticket_id] = [
            ticket_id, event.desk, f"BEN-{number}", "open", "p3", None, "email",
            event.subject_line, event.sender.email, event.occurred_at, self.now, 1, details,
        ]  # fmt: skip
        data = {
            "severity": "p3", "priority": None, "plan": None, "product": None, "customer": None,
            "is_trial": False, "is_urgent": False, "is_complete": True, "missing": [],
            "reply_to": f"support+{ticket_id}@bench.example", "language": "en", "form": None,
            "line": "support@bench.example", "participants": [], "entitled": None,
            "requester": event.sender, "subject_line": event.subject_line,
        }  # fmt: skip
        self._tell("opened", mail, ticket_id, f"BEN-{number}", 1, data)

    def reply(self, mail: Mail, ticket_id: UUID, ticket: list[Any]) -> None:
        ticket[11] += 1
        self.threads[mail.own] = ticket_id
        if ticket_id not in self.opened:
            self.changed[ticket_id] = ticket
        data = {"by": mail.event.sender, "line": None, "is_urgent": False}
        self._tell("requester_replied", mail, ticket_id, ticket[2], ticket[11], data)

    def _details(self, event: Any) -> dict[str, Any]:
        return {
            "line": "support@bench.example", "language": "en", "heard_at": event.occurred_at,
            "reply_to": "support+0192@bench.example", "message_id": event.message_id,
            "requester": event.sender,
        }  # fmt: skip

    def _tell(
        self,
        kind: str,
        mail: Mail,
        ticket_id: UUID,
        number: str,
        sequence: int,
        data: dict[str, Any],
    ) -> None:
        event = mail.event
        value = to_json(
            {
                "type": f"pledge.ticket.{kind}.v1", "desk": event.desk,
                "occurred_at": event.occurred_at, "recorded_at": self.now,
                "ticket_id": ticket_id, "number": number, "text": event.text, "channel": "email",
                "delivery": event.delivery, **data,
            },
            exclude_none=False,
        )  # fmt: skip
        subject, type_name = str(ticket_id), f"pledge.ticket.{kind}.v1"
        own_id = f"{mail.cause[:35]}0"
        headers = [
            ("ce_specversion", b"1.0"),
            bare.header("ce_id", own_id),
            ("ce_source", b"/intake"),
            bare.header("ce_type", type_name),
            bare.header("ce_time", event.occurred_at.isoformat()),
            bare.header("ce_subject", subject),
            bare.header("ce_desk", event.desk),
            bare.header("ce_sequence", str(sequence)),
            bare.header("ce_correlationid", mail.cause),
            bare.header("ce_causationid", mail.cause),
            ("content-type", b"application/json"),
        ]
        key = subject.encode()
        self.messages.append((bare.place(key), key, value, headers))
        self.facts.append(
            (ticket_id, sequence, own_id, type_name, event.occurred_at, value.decode())
        )


async def take(
    connection: asyncpg.Connection,
    mails: list[Mail],
    read: tuple[list[int], list[int]],
    first_id: int,
) -> list[bare.Outgoing]:
    """Everything in one transaction; returns what is to publish."""
    work = Work()
    async with connection.transaction():
        await connection.execute(bare.ADVANCE, TOPIC, *read)
        noted = await connection.fetch(_NOTE, [mail.delivery for mail in mails], work.now)
        fresh = {row["key"] for row in noted}
        mails = [mail for mail in mails if mail.delivery in fresh]
        asked = [mail.answered or mail.awaited for mail in mails]
        threads = await connection.fetch(
            "SELECT key, ticket_id FROM threads WHERE key = ANY($1)", asked
        )
        known_threads = {row["key"]: row["ticket_id"] for row in threads}
        locked = await connection.fetch(
            f"SELECT {', '.join(_TICKETS)} FROM tickets WHERE id = ANY($1) ORDER BY id FOR UPDATE",
            list(set(known_threads.values())),
        )
        known = {row["id"]: list(row.values()) for row in locked}
        new = sum(mail.answered is None for mail in mails)
        number = await connection.fetchval(_NUMBERS, "bench", new) if new else 0
        for mail in mails:
            if mail.answered is None:
                work.open(mail, number)
                number += 1
                continue
            ticket_id = work.threads.get(mail.answered) or known_threads[mail.answered]
            work.reply(mail, ticket_id, work.opened.get(ticket_id) or known[ticket_id])
        await _write(connection, work, first_id)
    return work.messages


async def _write(connection: asyncpg.Connection, work: Work, first_id: int) -> None:
    if work.opened:
        rows = [[*row[:12], to_json(row[12]).decode()] for row in work.opened.values()]
        await connection.copy_records_to_table("tickets", columns=_TICKETS, records=rows)
    if work.changed:
        changed = work.changed.values()
        await connection.execute(
            _UPDATE,
            list(work.changed),
            [row[11] for row in changed],
            work.now,
            [row[12] for row in changed],
        )
    await connection.copy_records_to_table("threads", records=work.threads.items())
    await connection.copy_records_to_table("facts", columns=_FACTS, records=work.facts)
    outbox = [
        bare.outbox_row(row_id, "ticket.events.v1", message)
        for row_id, message in enumerate(work.messages, first_id)
    ]
    await connection.copy_records_to_table("outbox", columns=bare.OUTBOX, records=outbox)


async def main() -> None:
    """Consume until killed."""
    connection = await bare.connect("PLEDGE_INTAKE_DSN")
    next_id = 1
    async with bare.consumer(TOPIC) as consumer, bare.producer() as producer:
        deleting = await bare.connect("PLEDGE_INTAKE_DSN", only_deletes=True)
        relay = bare.Relay(deleting, producer, "ticket.events.v1")
        while True:
            batches = await consumer.getmany(timeout_ms=200, max_records=bare.BATCH)
            if not batches:
                continue
            mails = [Mail(record) for records in batches.values() for record in records]
            messages = await take(connection, mails, bare.ends(batches), next_id)
            next_id += len(messages)
            await relay.take(messages, next_id - 1)


if __name__ == "__main__":
    bare.run(main())
