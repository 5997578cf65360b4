"""A running sla service for each test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from integration.sla.harness import Sla
from pledge.runtime.config.settings import KafkaSettings
from support.databases import Databases

Makes = Callable[..., Sla]


@pytest.fixture
def make_sla(kafka: KafkaSettings, database: Databases, tmp_path: Path) -> Makes:
    """Call it for an instance that is not started yet; all share one database."""
    dsn = database("sla")

    def make(**settings: Any) -> Sla:
        return Sla(kafka, dsn, tmp_path, **settings)

    return make


@pytest.fixture
async def sla(make_sla: Makes) -> AsyncIterator[Sla]:
    """The service, running, on a Monday morning."""
    async with make_sla() as running:
        yield running
