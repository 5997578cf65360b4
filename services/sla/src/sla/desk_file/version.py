"""The name of a policy version: a hash of what a file says, and of what its calendars come out as.

Releases before corrections counted from the opening of a ticket named a version by its text alone.
What is stored under such a name counts every change from its moment on, and begins no interval
where one was missed, as it did then.
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


COUNTING = "corrections count from the opening"
"""Part of every name: how a text is read is as much of a promise as the text."""


def counts_as_before(version: str, data: object) -> bool:
    """Whether a stored version was named by a release that counted changes from their moment on."""
    return version == text_version_of(data)


def version_of(data: object, calendars: Mapping[str, Calendar]) -> str:
    """The hash of what a file says, of how it is read, and of what its calendars come out as within
    the horizon. Calendars that take nothing from zone and holiday data add nothing."""
    text = json.dumps(data, sort_keys=True, default=str)
    found = {
        name: outcome
        for name, calendar in sorted(calendars.items())
        if (outcome := outcomes(calendar.hours))
    }
    if not found:
        return _hash(f"{text}\n{COUNTING}")
    return _hash(f"{text}\n{COUNTING}\n{json.dumps([HORIZON.start, HORIZON.stop, found])}")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
