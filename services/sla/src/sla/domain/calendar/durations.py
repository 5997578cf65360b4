"""Durations in words."""

from __future__ import annotations

from sla.domain.calendar.zones import SECOND

UNITS = {
    "ms": 1_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
    "d": 86_400 * SECOND,
}
WORDS = {
    "ms": ("millisecond", "milliseconds"),
    "s": ("second", "seconds"),
    "m": ("minute", "minutes"),
    "h": ("hour", "hours"),
    "d": ("day", "days"),
}


def duration_words(us: int) -> str:
    """`30 minutes`, `1 hour 30 minutes`; days only beyond three."""
    if us < 0:
        return f"minus {duration_words(-us)}"
    parts: list[str] = []
    has_days = us > 3 * UNITS["d"]
    for unit in ("d", "h", "m", "s", "ms") if has_days else ("h", "m", "s", "ms"):
        count, us = divmod(us, UNITS[unit])
        if count:
            parts.append(f"{count} {WORDS[unit][0 if count == 1 else 1]}")
    return " ".join(parts) or "0 seconds"


def seconds_words(us: int) -> str:
    """The same in whole seconds, for people."""
    return "less than a second" if 0 < us < SECOND else duration_words(us - us % SECOND)
