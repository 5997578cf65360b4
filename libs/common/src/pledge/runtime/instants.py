"""Instants in settings, cursors and answers: which are accepted, and how each is written.

Those that requests and events bring are `pledge.events.Instant`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, overload

from pydantic import AfterValidator, AwareDatetime, PlainSerializer

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_EVENT = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


def _within(value: datetime) -> datetime:
    # Near the ends of the calendar any arithmetic overflows, a change of zone first of all.
    if not EARLIEST <= value < LATEST:
        raise ValueError("must lie between the years 1970 and 2200")
    return value.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_within)]
"""An instant with its zone, kept in UTC, far enough from the calendar's ends to reckon with."""


@overload
def utc_text(instant: datetime) -> str: ...
@overload
def utc_text(instant: None) -> None: ...
@overload
def utc_text(instant: datetime | None) -> str | None: ...
def utc_text(instant: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds (cut off, not rounded) and `Z`; None for None."""
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Timestamp = Annotated[datetime, PlainSerializer(utc_text, return_type=str, when_used="json")]
"""An instant that JSON shows as `2026-11-22T00:00:00.000Z`."""
