"""A running intake service for each test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integration.intake.harness import Intake
from pledge.runtime.config.settings import KafkaSettings
from support.databases import Databases


@pytest.fixture
async def intake(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> AsyncIterator[Intake]:
    async with Intake(kafka, database("intake"), tmp_path) as running:
        yield running
