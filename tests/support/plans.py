"""Plans of statements as they are run: which indexes they use, how many rows they look at.

Each is planned twice: for its values, and run; and without knowing them, which is what a prepared
statement ends up with.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg

from pledge.runtime.postgres.pool import open_pool

# What reads a table or an index; other scans read what was read before.
_OF_TABLES = (
    "Seq Scan",
    "Index Scan",
    "Index Only Scan",
    "Bitmap Index Scan",
    "Bitmap Heap Scan",
    "Tid Scan",
)

Node = dict[str, Any]


class Explaining:
    """A connection that explains each statement before it runs it, and undoes what it writes."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self._known: list[Node] = []
        self._generic: list[Node] = []

    async def fetch(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """As the connection's own."""
        await self._explain(sql, arguments)
        rows: list[asyncpg.Record] = await self._connection.fetch(sql, *arguments)
        return rows

    async def fetchrow(self, sql: str, *arguments: object) -> asyncpg.Record | None:
        """As the connection's own."""
        rows = await self.fetch(sql, *arguments)
        return rows[0] if rows else None

    async def fetchval(self, sql: str, *arguments: object) -> Any:
        """As the connection's own."""
        row = await self.fetchrow(sql, *arguments)
        return row[0] if row is not None else None

    async def execute(self, sql: str, *arguments: object) -> str:
        """As the connection's own."""
        await self._explain(sql, arguments)
        return str(await self._connection.execute(sql, *arguments))

    async def copy_records_to_table(self, table: str, **options: Any) -> str:
        """As the connection's own; it has no plan."""
        return str(await self._connection.copy_records_to_table(table, **options))

    async def unexplained(self, sql: str, *arguments: object) -> list[asyncpg.Record]:
        """What a test asks by the way."""
        rows: list[asyncpg.Record] = await self._connection.fetch(sql, *arguments)
        return rows

    async def _explain(self, sql: str, arguments: Sequence[object]) -> None:
        attempt = self._connection.transaction()
        await attempt.start()
        try:
            text = await self._connection.fetchval(
                f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *arguments
            )
        finally:
            await attempt.rollback()
        self._known.append(json.loads(text)[0]["Plan"])
        nothing = f"({', '.join('NULL' for _ in arguments)})" if arguments else ""
        await self._connection.execute(
            f"SET plan_cache_mode = force_generic_plan; PREPARE hot AS {sql}"
        )
        text = await self._connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE hot{nothing}")
        await self._connection.execute("DEALLOCATE hot; RESET plan_cache_mode")
        self._generic.append(json.loads(text)[0]["Plan"])

    def indexes(self) -> set[str]:
        """The indexes that are used, by either plan. Fails when a table is read as a whole."""
        nodes = [*_nodes(self._known), *_nodes(self._generic)]
        whole = [node.get("Relation Name") for node in nodes if node["Node Type"] == "Seq Scan"]
        assert not whole, f"read as a whole: {whole}"
        return {node["Index Name"] for node in nodes if "Index Name" in node}

    def examined(self) -> int:
        """How many rows of tables and indexes were looked at."""
        return round(sum(_looked_at(node) for node in _nodes(self._known)))

    def sorted(self) -> int:
        """How many rows were sorted at most at once."""
        sorts = [node for node in _nodes(self._known) if node["Node Type"] == "Sort"]
        inputs = [node["Plans"][0]["Actual Rows"] for node in sorts]
        return round(max(inputs, default=0))

    def sorts_without_values(self) -> bool:
        """Whether the plan made without the values sorts."""
        return any("Sort" in node["Node Type"] for node in _nodes(self._generic))


def _nodes(plans: Sequence[Node]) -> Iterator[Node]:
    waiting = list(plans)
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.get("Plans", [])


def _looked_at(node: Node) -> float:
    if node["Node Type"] not in _OF_TABLES:
        return 0
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])


@asynccontextmanager
async def explaining(dsn: str) -> AsyncIterator[Explaining]:
    """A connection as the services have it, in a transaction that is undone."""
    pool = await open_pool(dsn, application_name="plans", size=1, min_size=1)
    try:
        async with pool.acquire() as connection:
            undone = connection.transaction()
            await undone.start()
            try:
                yield Explaining(connection)
            finally:
                await undone.rollback()
    finally:
        await pool.close()


async def fill(dsn: str, statements: Sequence[str]) -> None:
    """Run `statements` as the owner, quickly, and let the database see what there is."""
    owner = await asyncpg.connect(dsn)
    try:
        await owner.execute("SET synchronous_commit = off; SET work_mem = '64MB'")
        for statement in statements:
            await owner.execute(statement)
        await owner.execute("VACUUM (ANALYZE)")
    finally:
        await owner.close()
