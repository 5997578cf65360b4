"""A running intake service for each test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from intake.settings import IntakeSettings
from integration.intake.harness import Intake
from pledge.runtime.config.settings import KafkaSettings
from support.databases import Databases


@pytest.fixture
async def intake(
    kafka: KafkaSettings, database: Databases, tmp_path: Path
) -> AsyncIterator[Intake]:
    async with Intake(kafka, database("intake"), tmp_path) as running:
        yield running


@pytest.fixture
def intake_settings(tmp_path: Path) -> Callable[..., IntakeSettings]:
    """Settings of a service that is not started."""

    def build(**chosen: Any) -> IntakeSettings:
        return IntakeSettings(
            dsn="postgresql://nowhere", jwks="jwks.json", desks=tmp_path, key=SecretStr("k" * 32),
            **chosen,
        )  # fmt: skip

    return build
