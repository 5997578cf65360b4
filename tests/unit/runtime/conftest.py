"""Keeps the log quiet: a test of the log itself configures it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import structlog


def _drop(_logger: Any, _method: str, _event: structlog.typing.EventDict) -> Any:
    raise structlog.DropEvent


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    structlog.configure(processors=[_drop])
    yield
    structlog.reset_defaults()
