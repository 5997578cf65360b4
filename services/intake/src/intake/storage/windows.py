"""Maintenance windows of customers: kept, listed, and still to be told to tickets (INF-09)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg


@dataclass(frozen=True, slots=True)
class CustomersWindow:
    """A window of a customer. ``withdrawn_at`` None: it holds."""

    id: UUID
    desk: str
    customer: str
    starts_at: datetime
    ends_at: datetime
    note: str
    set_by: str
    set_at: datetime
    withdrawn_at: datetime | None = None


_COLUMNS: Final = "id, desk, customer, starts_at, ends_at, note, set_by, set_at, withdrawn_at"

# Another customer's window of the same id stays as it is: nobody can take it over.
_KEEP: Final = """
INSERT INTO maintenance_windows AS known
    (id, desk, customer, starts_at, ends_at, note, set_by, set_at, announce_at)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $8 WHERE $9 > (
    SELECT count(*) FROM maintenance_windows
    WHERE desk = $2 AND customer = $3 AND ends_at > $8 AND withdrawn_at IS NULL AND id <> $1)
ON CONFLICT (id) DO UPDATE SET starts_at = $4, ends_at = $5, note = $6, set_by = $7, set_at = $8,
    withdrawn_at = NULL, announce_at = $8
WHERE known.desk = $2 AND known.customer = $3
RETURNING true
"""


async def keep(connection: asyncpg.Connection, window: CustomersWindow, most: int) -> bool:
    """Write the window; False where the customer has ``most`` ahead."""
    each = window
    return bool(
        await connection.fetchval(
            _KEEP, each.id, each.desk, each.customer, each.starts_at, each.ends_at, each.note,
            each.set_by, each.set_at, most,
        )
    )  # fmt: skip


_WITHDRAW: Final = """
UPDATE maintenance_windows SET withdrawn_at = $4, announce_at = $4
WHERE desk = $2 AND customer = $3 AND withdrawn_at IS NULL
    AND (id = $1 OR ($1 IS NULL AND starts_at = $5 AND ends_at = $6))
RETURNING true
"""


async def withdraw(
    connection: asyncpg.Connection, window_id: UUID | None, desk: str, customer: str,
    now: datetime, starts_at: datetime, ends_at: datetime,
) -> bool:  # fmt: skip
    """Take the window back, by its id, else by its times; False where there is none."""
    return bool(
        await connection.fetchval(_WITHDRAW, window_id, desk, customer, now, starts_at, ends_at)
    )


_AHEAD: Final = f"""
SELECT {_COLUMNS} FROM maintenance_windows
WHERE desk = $1 AND customer = ANY($2::text[]) AND ends_at > $3 AND withdrawn_at IS NULL
ORDER BY customer, starts_at, id LIMIT 1000
"""  # noqa: S608 - constant names


async def ahead(
    connection: asyncpg.Connection, desk: str, customers: Collection[str], now: datetime
) -> list[CustomersWindow]:
    """The windows of these customers that are not over."""
    rows = await connection.fetch(_AHEAD, desk, sorted(customers), now)
    return [_window(row) for row in rows]


async def to_announce(
    pool: asyncpg.Pool, horizon: datetime, limit: int
) -> Sequence[tuple[datetime, UUID]]:
    """The windows that tickets are still to be told of."""
    rows = await pool.fetch(
        "SELECT announce_at, id FROM maintenance_windows WHERE announce_at < $1"
        " ORDER BY announce_at LIMIT $2",
        horizon,
        limit,
    )
    return [(row["announce_at"], UUID(int=row["id"].int)) for row in rows]


async def by_id(pool: asyncpg.Pool, window_id: UUID) -> CustomersWindow | None:
    """The window, if it is there."""
    row = await pool.fetchrow(
        f"SELECT {_COLUMNS} FROM maintenance_windows WHERE id = $1",  # noqa: S608 - constants
        window_id,
    )
    return _window(row) if row else None


_ANNOUNCED: Final = """
UPDATE maintenance_windows SET announce_at = $3 WHERE id = $1
    AND set_at = $2 AND withdrawn_at IS NOT DISTINCT FROM $4
"""


async def announced(pool: asyncpg.Pool, window: CustomersWindow, again_at: datetime | None) -> None:
    """The tickets have been told of the window as it was then, and are told again at ``again_at``;
    one that was changed meanwhile is told of anew."""
    await pool.execute(_ANNOUNCED, window.id, window.set_at, again_at, window.withdrawn_at)


def _window(row: asyncpg.Record) -> CustomersWindow:
    return CustomersWindow(**{**row, "id": UUID(int=row["id"].int)})
