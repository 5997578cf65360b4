"""What agents and readers ask for is read under a role that sees the rows of their desks alone.

The policies of the database hold whatever a statement forgets to ask. The service's own work goes
on under its own role.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from pledge.runtime.postgres.migrations import SchemaMismatch

ROLE: Final = "intake_requests"
EVERY: Final = "*"


@asynccontextmanager
async def reading(
    pool: asyncpg.Pool, desks: frozenset[str] | None
) -> AsyncIterator[asyncpg.Connection]:
    """A connection on which only rows of these desks are seen (None: of all), and none written.

    Two round trips more than one without: what begins and what ends it.
    """
    seen = EVERY if desks is None else ",".join(sorted(desks))
    async with pool.acquire() as connection:
        try:
            await connection.execute(
                f"BEGIN READ ONLY; SET LOCAL ROLE {ROLE}; SET LOCAL pledge.desks = {_quoted(seen)}"
            )
            yield connection
        finally:
            await _end(connection)


async def _end(connection: asyncpg.Connection) -> None:
    """End the scope. A connection on which that fails is not given back with it."""
    if connection.is_closed():
        return
    try:
        await connection.execute("ROLLBACK")
    except BaseException:
        connection.terminate()
        raise


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


async def check_role(pool: asyncpg.Pool) -> None:
    """Raises SchemaMismatch unless the service may read under the role, and write under its own."""
    async with pool.acquire() as connection:
        own = await connection.fetchrow(
            "SELECT rolname, rolbypassrls OR rolsuper AS is_free,"
            " pg_has_role($1::name, 'SET') AS may FROM pg_roles WHERE rolname = current_user",
            ROLE,
        )
    assert own is not None
    name = own["rolname"]
    missing = [] if own["may"] else [f"GRANT {ROLE} TO {name} WITH INHERIT FALSE, SET TRUE"]
    missing += [] if own["is_free"] else [f"ALTER ROLE {name} BYPASSRLS"]
    if missing:
        raise SchemaMismatch(
            f"the role {name} lacks what keeps desks apart; as an administrator:"
            f" {'; '.join(missing)} (see PostgreSQL in docs/operations.md)"
        )
