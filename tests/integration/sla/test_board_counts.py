"""How the board counts promises, however many there are."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest

from integration.sla.crowd import DESK, TICKETS, gather
from integration.sla.stories import MONDAY
from sla.pages import board
from support.databases import Databases


class Explained:
    """A connection that keeps the plan of what it fetched last."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection
        self.plan = ""

    async def fetch(self, sql: str, *arguments: Any) -> list[asyncpg.Record]:
        plan = await self._connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", *arguments)
        self.plan = json.dumps(plan) if not isinstance(plan, str) else plan
        rows: list[asyncpg.Record] = await self._connection.fetch(sql, *arguments)
        return rows


async def test_counting_ends_at_its_bound_and_says_so(
    database: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = await asyncpg.connect(database("sla"))
    try:
        await gather(connection, MONDAY)
        whole = await board.count_shown(connection, [DESK, "none"], "", MONDAY)
        assert str(whole["running"]) == str(whole[board.ALL]) == f"{2 * TICKETS:,}"
        assert str(whole["breached"]) == str(whole["at_risk"]) == "0"
        severe = await board.count_shown(connection, [DESK], "p1", MONDAY)
        assert severe["running"].number == 2 * (TICKETS // 3)
        monkeypatch.setattr(board, "COUNTED_UP_TO", 1000)
        explained = Explained(connection)
        bounded = await board.count_shown(explained, [DESK], "", MONDAY)
        assert str(bounded["running"]) == "1,000+"
        assert "timers_by_due" in explained.plan
        assert "Seq Scan" not in explained.plan
    finally:
        await connection.close()
