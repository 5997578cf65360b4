"""Connections to PostgreSQL, and which of its errors are worth a second try."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg
from pydantic_core import from_json, to_json

# A statement that runs longer than this is a bug or an outage; the caller backs off and retries.
STATEMENT_TIMEOUT = timedelta(seconds=30)
# A lock that is not granted within this means two owners; failing shows it.
LOCK_TIMEOUT = timedelta(seconds=10)

# A plan made while a table was small is kept as the table grows: reading it whole for each batch
# would be right at first and ruinous later. Every statement of a service goes by an index.
PLANNING = {
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    # Compiling a statement takes longer than any of ours runs.
    "jit": "off",
}

RETRIABLE_ERRORS: tuple[type[BaseException], ...] = (
    asyncpg.PostgresConnectionError,  # class 08
    asyncpg.InsufficientResourcesError,  # class 53: too many connections, disk full
    asyncpg.OperatorInterventionError,  # class 57: shutdown, crash, statement timeout
    asyncpg.TransactionRollbackError,  # class 40: serialization failure, deadlock
    asyncpg.LockNotAvailableError,
    asyncpg.InterfaceError,  # the connection died under us
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


# Of those above, what is wrong with the data or the program all the same: asyncpg's own DataError,
# a value that a column can't hold, is an InterfaceError; a template that is not there an OSError.
_OURS: tuple[type[BaseException], ...] = (ValueError, LookupError)


def is_retriable(error: BaseException) -> bool:
    """Whether the same statement may succeed later because the database, not the data, failed."""
    return isinstance(error, RETRIABLE_ERRORS) and not isinstance(error, _OURS)


async def _prepare(connection: asyncpg.Connection) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + to_json(value),
        decoder=lambda data: from_json(data[1:]),
    )


async def _keep(connection: asyncpg.Connection) -> None:
    """Nothing to undo when a connection goes back into the pool: nobody changes its settings, and
    listens or locks only on connections of their own. asyncpg's own reset is a round trip each."""


async def open_pool(
    dsn: str, *, application_name: str, size: int, min_size: int = 2
) -> asyncpg.Pool:
    """A pool of at most `size` connections. jsonb columns read and write plain Python values.

    Raises OSError or asyncpg.PostgresError when the database can't be reached.
    """
    settings: dict[str, Any] = {
        "application_name": application_name,
        "statement_timeout": str(int(STATEMENT_TIMEOUT.total_seconds() * 1000)),
        "lock_timeout": str(int(LOCK_TIMEOUT.total_seconds() * 1000)),
        "idle_in_transaction_session_timeout": "60000",
        "timezone": "UTC",
        **PLANNING,
    }
    return await asyncpg.create_pool(
        dsn,
        min_size=min(min_size, size),
        max_size=size,
        init=_prepare,
        reset=_keep,
        server_settings=settings,
        command_timeout=STATEMENT_TIMEOUT.total_seconds() + 5,
        timeout=10,
    )
