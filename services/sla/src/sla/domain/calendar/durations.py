"""Durations as people write them, and as they read them."""

from __future__ import annotations

import re

from sla.domain.calendar.zones import SECOND

UNITS = {
    "ms": 1_000,
    "s": SECOND,
    "m": 60 * SECOND,
    "h": 3600 * SECOND,
    "d": 86_400 * SECOND,
    "w": 7 * 86_400 * SECOND,
}
WORDS = {
    "ms": ("millisecond", "milliseconds"),
    "s": ("second", "seconds", "sec", "secs"),
    "m": ("minute", "minutes", "min", "mins"),
    "h": ("hour", "hours", "hr", "hrs"),
    "d": ("day", "days"),
    "w": ("week", "weeks"),
}
LONGEST_US = 10 * 366 * UNITS["d"]

_NAMES = {name: unit for unit, names in WORDS.items() for name in (unit, *names)}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)\s*")


def parse_duration(text: str) -> int | None:
    """`30m`, `1h30m`, `2 days` in microseconds; None when it is none, or beyond ten years."""
    total, at = 0.0, 0
    text = text.strip().lower()
    while at < len(text):
        match = _PART.match(text, at)
        if match is None or match[2] not in _NAMES:
            return None
        total += float(match[1]) * UNITS[_NAMES[match[2]]]
        at = match.end()
    us = round(total)
    return us if 0 < us <= LONGEST_US else None


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
