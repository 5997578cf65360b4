"""Maintenance windows of customers, as tickets know them (INF-09)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Window:
    """A window of the ticket's customer. Times are UTC."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    note: str = ""

    def overlaps(self, starts_at: datetime, ends_at: datetime) -> bool:
        """Whether a part of the time lies in the window; its end is outside."""
        return starts_at < self.ends_at and ends_at > self.starts_at


def conflict(windows: Iterable[Window], starts_at: datetime, ends_at: datetime) -> Window | None:
    """The first window that the time overlaps."""
    found = [each for each in windows if each.overlaps(starts_at, ends_at)]
    return min(found, key=lambda each: each.starts_at, default=None)
