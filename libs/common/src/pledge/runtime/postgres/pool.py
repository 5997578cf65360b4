"""Connections to PostgreSQL, pooled or of one's own, that say so when they were lost."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from types import TracebackType
from typing import Any

import asyncpg
from asyncpg.exceptions import InternalClientError
from asyncpg.pool import PoolAcquireContext
from pydantic_core import from_json, to_json

from pledge.runtime.postgres.errors import ConnectionLost

# A statement that runs longer than this meets an outage; the caller backs off and retries.
STATEMENT_TIMEOUT = timedelta(seconds=30)
# A lock that is not granted within this means two owners; failing shows it.
LOCK_TIMEOUT = timedelta(seconds=10)
# Seconds, for a connection to be made.
CONNECT_TIMEOUT = 10.0

# A plan made while a table was small is kept as the table grows: reading it whole for each batch
# would be right at first and ruinous later. Every statement of a service goes by an index.
PLANNING = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # Compiling a statement takes longer than any of ours runs.
    "jit": "off",
}

# A DSN whose host is the folder of a UNIX socket.
_SOCKET_FOLDER = re.compile(r"(@|host=)(/|%2f)", re.IGNORECASE)


class Pool(asyncpg.Pool):
    """A pool whose connections say that they were lost.

    asyncpg gives a connection that broke back to its pool, and whatever uses it next gets the
    InterfaceError of a connection that was used after its release. Here it gets ConnectionLost,
    so that every other InterfaceError is a misuse.
    """

    def acquire(self, *, timeout: float | None = None) -> PoolAcquireContext:
        """A connection, as asyncpg gives it; use it with `async with`.

        Raises ConnectionLost when the block failed since its connection broke.
        """
        return _Acquired(self, timeout)


class _Acquired(PoolAcquireContext):
    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> None:
        lost = _lost(self.connection, exc_val)
        await super().__aexit__(exc_type, exc_val, exc_tb)
        if lost is not None:
            raise lost from exc_val


@contextmanager
def reporting_loss(connection: asyncpg.Connection) -> Iterator[None]:
    """Raises ConnectionLost where the block failed since `connection` broke."""
    try:
        yield
    except Exception as error:
        if (lost := _lost(connection, error)) is not None:
            raise lost from error
        raise


def _lost(connection: asyncpg.Connection, error: BaseException | None) -> ConnectionLost | None:
    """The error to raise instead of `error`, if that is the consequence of a broken connection."""
    if not isinstance(error, asyncpg.InterfaceError | InternalClientError):
        return None
    if not _is_closed(connection):
        return None
    return ConnectionLost(f"the connection to the database was lost: {error}")


def _is_closed(connection: asyncpg.Connection) -> bool:
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True  # given back to the pool already, since it broke


async def connect(dsn: str, **options: Any) -> asyncpg.Connection:
    """A connection of one's own; `options` are those of asyncpg.connect.

    Raises ConnectionLost when the server can't be reached.
    """
    try:
        return await asyncpg.connect(dsn, **{"timeout": CONNECT_TIMEOUT, **options})
    except OSError as error:
        # Several addresses that refuse make a plain OSError; of a server that does not run, the
        # socket's file is missing. A certificate's file that is missing does not come back.
        is_missing = isinstance(error, FileNotFoundError | PermissionError | NotADirectoryError)
        if isinstance(error, ssl.SSLCertVerificationError) or (
            is_missing and not _SOCKET_FOLDER.search(dsn)
        ):
            raise
        raise ConnectionLost(f"the database can't be reached: {error}") from error


@asynccontextmanager
async def own_connection(dsn: str, **options: Any) -> AsyncIterator[asyncpg.Connection]:
    """A connection of one's own, as `connect` gives it, ended with the block.

    Raises ConnectionLost when the block failed since the connection broke.
    """
    connection = await connect(dsn, **options)
    try:
        with reporting_loss(connection):
            yield connection
    finally:
        # Not close(): a server that does not answer must not hold up the one who leaves.
        connection.terminate()


async def _connect_prepared(dsn: str, **options: Any) -> asyncpg.Connection:
    """A connection for the pool, with the codec of jsonb."""
    connection = await connect(dsn, **options)
    try:
        with reporting_loss(connection):
            await _prepare(connection)
    except BaseException:
        connection.terminate()
        raise
    return connection


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + to_json(value),
        decoder=lambda data: from_json(data[1:]),
    )


async def _keep(connection: asyncpg.Connection) -> None:
    """Nothing to reset when a connection goes back into the pool: its settings are never changed,
    and listening and locking have connections of their own. asyncpg's reset is a round trip."""


async def open_pool(
    dsn: str, *, application_name: str, size: int, min_size: int = 2
) -> asyncpg.Pool:
    """A pool of at most `size` connections. jsonb columns read and write plain Python values.

    Raises ConnectionLost or asyncpg.PostgresError when the database can't be reached.
    """
    settings: dict[str, Any] = {
        "application_name": application_name,
        "statement_timeout": str(int(STATEMENT_TIMEOUT.total_seconds() * 1000)),
        "lock_timeout": str(int(LOCK_TIMEOUT.total_seconds() * 1000)),
        "idle_in_transaction_session_timeout": "60000",
        "timezone": "UTC",
        **PLANNING,
    }
    return await Pool(
        dsn,
        min_size=min(min_size, size),
        max_size=size,
        max_queries=50_000,
        max_inactive_connection_lifetime=300.0,
        connect=_connect_prepared,
        reset=_keep,
        loop=None,
        connection_class=asyncpg.Connection,
        record_class=asyncpg.Record,
        server_settings=settings,
        command_timeout=STATEMENT_TIMEOUT.total_seconds() + 5,
        timeout=CONNECT_TIMEOUT,
    )
