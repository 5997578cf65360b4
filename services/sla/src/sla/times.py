"""Times as the API writes them."""

from __future__ import annotations

from datetime import UTC, datetime


def instant_text(instant: datetime | None) -> str | None:
    """ISO 8601 in UTC with milliseconds, as every time of the API."""
    if instant is None:
        return None
    plain = instant.astimezone(UTC).replace(tzinfo=None)
    return f"{plain.isoformat(timespec='milliseconds')}Z"
