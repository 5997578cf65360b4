"""The smallest service that there is: it stores each record and publishes an event of it.

Tests of the runtime count its rows and its events: what is lost or doubled shows at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import asyncpg
from prometheus_client import CollectorRegistry

from pledge.runtime.clock import Clock, SystemClock
from pledge.runtime.config.settings import KafkaSettings
from pledge.runtime.kafka.consumer import PartitionConsumer
from pledge.runtime.observability.metrics import RuntimeMetrics
from pledge.runtime.outbox.relay import OutboxRelay
from pledge.runtime.outbox.writer import Outbox, OutboxTransaction
from pledge.runtime.postgres.errors import ConnectionLost
from pledge.runtime.postgres.pool import open_pool
from pledge.runtime.records import Message, Outcome, Partition, Poison, Record

INPUT = "ticket.events.v1"
OUTPUT = "sla.events.v1"

TABLE = """
CREATE TABLE ledger (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic text, partition int, record_offset bigint, key bytea, value bytea
)
"""


async def create_table(owner_dsn: str) -> None:
    connection = await asyncpg.connect(owner_dsn)
    try:
        await connection.execute(TABLE)
    finally:
        await connection.close()


class LedgerHandler:
    """Writes each record down; `poison` values are poison, `bug` values raise, `unfit` ones hold
    what no column takes."""

    def __init__(self) -> None:
        self.assignments: list[frozenset[Partition]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.hangs: set[bytes] = set()
        """Values at which it waits without end, once each."""
        self.failing_callbacks = 0
        """How many of the next callbacks after a commit fail."""
        self.failing_revocations = 0
        """How many of the next calls of `revoked` fail."""
        self.inject: Callable[[asyncpg.Connection, Record], Awaitable[None]] | None = None
        """Called before each record is written down; what it raises is the handler's error."""

    async def assigned(self, partitions: frozenset[Partition]) -> None:
        self.assignments.append(partitions)

    async def revoked(self, partitions: frozenset[Partition]) -> None:
        if self.failing_revocations:
            self.failing_revocations -= 1
            raise ZeroDivisionError("asked for by the test")

    async def handle(
        self, connection: asyncpg.Connection, partition: Partition, records: Sequence[Record]
    ) -> Outcome:
        await self.gate.wait()
        outcome = Outcome()
        outcome.after_commit.append(self._committed)
        for record in records:
            if self.inject is not None:
                await self.inject(connection, record)
            if record.value in self.hangs:
                self.hangs.remove(record.value)
                await asyncio.Event().wait()
            if record.value is None or record.value.startswith(b"poison"):
                outcome.poison.append(Poison(record, "not_json", "asked for by the test"))
                continue
            if record.value.startswith(b"bug"):
                raise ZeroDivisionError("asked for by the test")
            if record.value.startswith(b"unfit"):
                await connection.execute("SELECT $1::int", 2**40)
            await connection.execute(
                "INSERT INTO ledger (topic, partition, record_offset, key, value)"
                " VALUES ($1, $2, $3, $4, $5)",
                record.topic,
                record.partition,
                record.offset,
                record.key,
                record.value,
            )
            outcome.messages.append(
                Message(OUTPUT, record.key or b"", record.value, (("seen", b"yes"),))
            )
        return outcome

    def _committed(self) -> None:
        if self.failing_callbacks:
            self.failing_callbacks -= 1
            raise ZeroDivisionError("asked for by the test")


class ForgetfulOutbox(Outbox):
    """Its connection dies between a commit and the answer to it, `forgets` times."""

    forgets = 0

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[OutboxTransaction]:
        async with super().transaction() as transaction:
            yield transaction
        if self.forgets:
            self.forgets -= 1
            raise ConnectionLost("asked for by the test")


class Ledger:
    """One running instance of the service. Use as an async context manager."""

    def __init__(
        self,
        kafka: KafkaSettings,
        dsn: str,
        *,
        clock: Clock | None = None,
        poison_run_limit: int = 100,
    ) -> None:
        self.kafka = kafka.model_copy(update={"poison_run_limit": poison_run_limit})
        self.dsn = dsn
        self.handler = LedgerHandler()
        self.clock = clock or SystemClock()
        self.registry = CollectorRegistry()
        self.pool: asyncpg.Pool
        self.consumer: PartitionConsumer
        self.outbox: ForgetfulOutbox
        self.consuming: asyncio.Task[None]
        self.relaying: asyncio.Task[None]

    async def __aenter__(self) -> Ledger:
        self.pool = await open_pool(self.dsn, application_name="ledger", size=6)
        self.outbox = ForgetfulOutbox(self.pool)
        metrics = RuntimeMetrics(self.registry, "ledger")
        self.consumer = PartitionConsumer(
            self.kafka,
            self.pool,
            self.outbox,
            self.handler,
            service="ledger",
            topics=[INPUT],
            clock=self.clock,
            metrics=metrics,
        )
        relay = OutboxRelay(
            self.kafka, self.dsn, self.outbox, service="ledger", clock=self.clock, metrics=metrics
        )
        self.consuming = asyncio.create_task(self.consumer.run())
        self.relaying = asyncio.create_task(relay.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (self.consuming, self.relaying):
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await asyncio.wait_for(task, timedelta(seconds=20).total_seconds())
        await self.pool.close()

    async def rows(self) -> list[bytes]:
        """The values written down, in the order of their offsets."""
        rows = await self.pool.fetch("SELECT value FROM ledger ORDER BY partition, record_offset")
        return [row["value"] for row in rows]

    async def count(self) -> int:
        count: int = await self.pool.fetchval("SELECT count(*) FROM ledger")
        return count
