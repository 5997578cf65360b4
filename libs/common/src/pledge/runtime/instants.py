"""Instants that people and programs ask with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def _within(value: datetime) -> datetime:
    # Near the ends of the calendar any arithmetic overflows, a change of zone first of all.
    if not EARLIEST <= value < LATEST:
        raise ValueError("must lie between the years 1970 and 2200")
    return value.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_within)]
"""An instant with its zone, kept in UTC, far enough from the calendar's ends to reckon with."""
