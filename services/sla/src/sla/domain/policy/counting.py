"""Since when a change of an attribute counts: from the opening of the ticket, or from the change.

What a ticket *is* (how severe, whose, in scope or not) it was from its beginning, whenever people
found out: a correction of it counts as if it had been known at the opening. What *happens* (another
plan, a call, details that arrive) counts from its moment on (SIS-08, SIS-09, INF-07).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Counts(StrEnum):
    """Since when a change of an attribute counts."""

    FROM_OPENING = "from_opening"
    FROM_CHANGE = "from_change"


HAPPENS = ("plan", "trial", "channel", "urgent", "complete", "answerable")
"""The attributes whose changes count from their moment on, unless the desk's file says otherwise.

So do the flags of the file itself. Every other attribute is what the ticket was from its opening.
"""


def names_from_opening(
    asked: Iterable[str], flags: Iterable[str], counts: Mapping[str, Counts]
) -> tuple[str, ...]:
    """Those of the attributes `asked` for whose changes count from the opening."""
    happens = {*HAPPENS, *flags}
    usual = {name: Counts.FROM_CHANGE if name in happens else Counts.FROM_OPENING for name in asked}
    return tuple(name for name in usual if counts.get(name, usual[name]) is Counts.FROM_OPENING)
