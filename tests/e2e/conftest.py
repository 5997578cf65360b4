"""The world that each story happens in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pledge.runtime.config.settings import KafkaSettings
from support.databases import Databases
from support.world import World, a_world

# A Wednesday, 10:00 in New York and Montreal: all desks are open or about to be.
START = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)


@pytest.fixture
async def world(kafka: KafkaSettings, database: Databases, tmp_path: Path) -> AsyncIterator[World]:
    """All services, on a Wednesday morning in March."""
    async with a_world(kafka, database, tmp_path, START) as made:
        yield made
