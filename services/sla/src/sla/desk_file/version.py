"""The name of a policy version: a hash of what a file says, and of what its calendars come out as.

A desk whose calendars take nothing from zone and holiday data is named by its text alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from sla.domain.calendar.calendar import Calendar
from sla.domain.calendar.outcome import HORIZON, outcomes


def text_version_of(data: object) -> str:
    """The hash of what a file says; comments and layout do not count."""
    return _hash(json.dumps(data, sort_keys=True, default=str))


def version_of(data: object, calendars: Mapping[str, Calendar]) -> str:
    """The hash of what a file says and of what its calendars come out as, within the horizon."""
    text = json.dumps(data, sort_keys=True, default=str)
    found = {
        name: outcome
        for name, calendar in sorted(calendars.items())
        if (outcome := outcomes(calendar.hours))
    }
    if not found:
        return _hash(text)
    return _hash(f"{text}\n{json.dumps([HORIZON.start, HORIZON.stop, found])}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
