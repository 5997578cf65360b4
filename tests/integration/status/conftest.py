"""A running status service for each test that uses one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integration.status.harness import Status
from pledge.runtime.config.settings import KafkaSettings
from support.databases import Databases


@pytest.fixture
async def status(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> AsyncIterator[Status]:
    async with Status(kafka, database("status"), tmp_path) as running:
        yield running
