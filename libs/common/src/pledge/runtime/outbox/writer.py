"""Events leave through a table: written with the change they announce, published after the commit.

`Outbox` writes rows; `OutboxRelay` publishes them in order per key and deletes what the broker has
acknowledged. A crash between the two publishes a row again, which consumers recognise.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import asyncpg

from pledge.runtime.clock import SystemClock
from pledge.runtime.records import Message

# Keys are spread over this many shards; each shard has one relay at a time. It bounds how many
# processes can share the publishing of one service, and must not change while rows are waiting.
SHARDS = 16
NOTIFY_CHANNEL = "outbox"
# Who asks for short rounds asks again within this while it lasts.
SHORT_FOR = timedelta(seconds=1)

_COLUMNS = ("shard", "topic", "key", "value", "header_names", "header_values")


def shard_of(key: bytes) -> int:
    """The shard of a record key: the same key is always in the same shard."""
    return zlib.crc32(key) % SHARDS


async def append(connection: asyncpg.Connection, messages: Sequence[Message]) -> None:
    """Write `messages` in the caller's transaction, in their order.

    The caller must already hold the row lock of what the messages announce (or own its partition):
    ids, and with them the order of publication, are given out here.
    """
    if not messages:
        return
    await connection.copy_records_to_table(
        "outbox",
        columns=_COLUMNS,
        records=[
            (
                shard_of(message.key),
                message.topic,
                message.key,
                message.value,
                [name for name, _ in message.headers],
                [value for _, value in message.headers],
            )
            for message in messages
        ],
    )


@dataclass(slots=True)
class OutboxTransaction:
    """A database transaction together with the events that become public when it commits."""

    connection: asyncpg.Connection
    messages: list[Message] = field(default_factory=list)

    def publish(self, *messages: Message) -> None:
        """Publish `messages` if, and only if, the transaction commits."""
        self.messages.extend(messages)


class UndeclaredTopic(Exception):
    """A message was to go to a topic that the service has not declared; a bug of the service."""


class Outbox:
    """The writing side of the outbox of one service.

    `topics` are those to which the service may publish; without them it may publish to any.
    """

    def __init__(self, pool: asyncpg.Pool, topics: frozenset[str] | None = None) -> None:
        self._pool = pool
        self._topics = topics
        self._on_commit: list[Callable[[], None]] = []
        self._is_relayed_here = False
        self._short_until = float("-inf")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[OutboxTransaction]:
        """A transaction on a connection of the pool; its events are published after the commit.

        The one way for HTTP handlers and workers to change state and publish it.
        """
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                transaction = OutboxTransaction(connection)
                yield transaction
                await self.append(connection, transaction.messages)
            if transaction.messages:
                self.wake()

    async def append(self, connection: asyncpg.Connection, messages: Sequence[Message]) -> None:
        """Write `messages` in the caller's transaction; call `wake` once it is committed.

        Raises UndeclaredTopic, with nothing written.
        """
        if self._topics is not None:
            undeclared = {message.topic for message in messages} - self._topics
            if undeclared:
                raise UndeclaredTopic(
                    f"{', '.join(sorted(undeclared))}: not among the topics that this service"
                    " declares in its topics.py"
                )
        await append(connection, messages)
        if messages and not self._is_relayed_here:
            # Another process publishes some of these: notify it when, and only if, we commit.
            await connection.execute("SELECT pg_notify($1, '')", NOTIFY_CHANNEL)

    def wake(self) -> None:
        """Tell this process's relay that rows were committed."""
        for callback in self._on_commit:
            callback()

    def shorten_rounds(self) -> None:
        """Have this process's relay publish in short rounds for the next moment: much is written of
        which some must not wait for the rest."""
        self._short_until = SystemClock().monotonic() + SHORT_FOR.total_seconds()

    @property
    def has_short_rounds(self) -> bool:
        """Whether short rounds are asked for now."""
        return SystemClock().monotonic() < self._short_until

    def relay_attached(self, wake: Callable[[], None]) -> None:
        """Register this process's relay."""
        self._on_commit.append(wake)

    def relay_owns_all(self, owns_all: bool) -> None:
        """Record whether this process's relay has every shard: then no other one is notified."""
        self._is_relayed_here = owns_all
