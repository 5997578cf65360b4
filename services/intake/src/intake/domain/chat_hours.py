"""When a desk's chat is offered (SIS-04): weekly windows in their own zones; open while any is."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

LOOKS_AHEAD: Final = timedelta(days=21)
"""A chat that does not open within that time says no date."""


@dataclass(frozen=True, slots=True)
class Window:
    """From `opens` to `closes` on the wall clock of `zone`; until midnight if `closes` is 00:00."""

    zone: ZoneInfo
    weekdays: frozenset[int]
    opens: time
    closes: time

    def on(self, day: date) -> tuple[datetime, datetime]:
        """The window that opens on a local date, in UTC."""
        until = day + timedelta(days=1) if self.closes == time(0) else day
        return (
            datetime.combine(day, self.opens, self.zone).astimezone(UTC),
            datetime.combine(until, self.closes, self.zone).astimezone(UTC),
        )


@dataclass(frozen=True, slots=True)
class ChatRules:
    """When the chat is offered. On dates of ``closed_on`` no window opens."""

    windows: tuple[Window, ...]
    case_form: str
    closed_on: frozenset[date] = field(default_factory=frozenset)


def closes_at(rules: ChatRules, now: datetime) -> datetime | None:
    """Until when the chat is open without a break; None while it is closed."""
    end = now
    for opened, closed in _intervals(rules, now):
        if opened <= end < closed:
            end = closed
    return end if end > now else None


def opens_at(rules: ChatRules, now: datetime) -> datetime | None:
    """When a chat that is closed opens next; None if that is too far ahead."""
    return next((opened for opened, _ in _intervals(rules, now) if opened > now), None)


def _intervals(rules: ChatRules, now: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The windows from yesterday on, by the instant at which they open."""
    first = now.date() - timedelta(days=2)  # two: a zone's date may lie a day behind UTC's
    days = [first + timedelta(days=number) for number in range(LOOKS_AHEAD.days + 3)]
    yield from sorted(
        window.on(day)
        for window in rules.windows
        for day in days
        if day.weekday() in window.weekdays and day not in rules.closed_on
    )
