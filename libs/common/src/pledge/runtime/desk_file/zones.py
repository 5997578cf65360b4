"""Time zones as desks' files name them: one check and one hint for all files."""

from __future__ import annotations

import difflib
import re
from datetime import UTC, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

_FIXED = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)
_MOST_HOURS = 18


class UnknownZone(ValueError):
    """Neither an IANA name nor a fixed offset. `hint` may name what was meant."""

    def __init__(self, text: str, hint: str) -> None:
        self.hint = hint
        super().__init__(f"`{text}` is no time zone")


@lru_cache(maxsize=1024)
def iana_zone(text: str) -> ZoneInfo:
    """The zone of an IANA name such as `America/New_York`. Raises UnknownZone."""
    try:
        return ZoneInfo(text)
    except (KeyError, ValueError, OSError) as error:
        near = difflib.get_close_matches(text, sorted(available_timezones()), n=1, cutoff=0.6)
        hint = f"did you mean {near[0]}?" if near else "write an IANA name such as Europe/Paris"
        raise UnknownZone(text, hint) from error


@lru_cache(maxsize=1024)
def zone_or_offset(text: str) -> tzinfo:
    """The zone of an IANA name, or of `GMT-5`, `UTC+05:30` or `-05:00`. Raises UnknownZone.

    A fixed offset reads as people write it: `GMT-5` is five hours behind Greenwich (the opposite
    of the IANA name `Etc/GMT-5`).
    """
    if text.upper() in {"UTC", "GMT", "Z"}:
        return UTC
    if match := _FIXED.fullmatch(text.strip()):
        sign, hours, minutes = match.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if offset > timedelta(hours=_MOST_HOURS):
            raise UnknownZone(text, f"offsets go up to {_MOST_HOURS} hours")
        return timezone(-offset if sign == "-" else offset)
    return iana_zone(text)
