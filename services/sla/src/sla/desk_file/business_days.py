"""Business days as a desk's file counts them: `3bd`."""

from __future__ import annotations

import re
from typing import NamedTuple

MOST_DAYS = 366
"""Business days that a promise may take."""

_BUSINESS_DAYS = re.compile(r"([1-9]\d{0,2}) ?(?:bd|business days?)")


class BusinessDays(NamedTuple):
    """So many business days, as `within` says them."""

    days: int


def business_days(text: str) -> BusinessDays | None:
    """`3bd` or `3 business days`, up to `MOST_DAYS`; None for anything else."""
    match = _BUSINESS_DAYS.fullmatch(text.strip().lower())
    days = int(match[1]) if match else 0
    return BusinessDays(days) if 0 < days <= MOST_DAYS else None
