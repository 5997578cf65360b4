"""Time zones as desks' files name them: one check and one hint for all files."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from pathlib import Path, PurePosixPath
from zoneinfo import ZoneInfo

from pledge.runtime.desk_file.zone_names import meant_by, zone_names, zones_with_summer_time
from pledge.runtime.zone_data import folders

_FIXED = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)
_GREENWICH = frozenset({"UTC", "GMT", "Z"})
_MOST_HOURS = 18
_NO_ZONE = "Factory"  # the database's name for a machine whose zone nobody has set
_MACHINE_NAMES = ("posixrules", "localtime")
_MACHINE_FOLDERS = ("posix/", "right/")


class UnknownZone(ValueError):
    """Neither an IANA name nor a fixed offset. `hint` may name what was meant."""

    def __init__(self, text: str, hint: str, what: str = "is no time zone") -> None:
        self.what, self.hint = what, hint
        super().__init__(f"`{text}` {what}")


@lru_cache(maxsize=1024)
def iana_zone(text: str) -> ZoneInfo:
    """The zone of an IANA name such as `America/New_York`. Raises UnknownZone.

    A name that only the machine's own files have (`posixrules`, `right/…`) is unknown everywhere.
    """
    if text == _NO_ZONE or text in _MACHINE_NAMES or text.startswith(_MACHINE_FOLDERS):
        raise UnknownZone(text, _machine_hint(text), "is no time zone that every machine has")
    if text not in zone_names() and not _is_in_a_named_folder(text):
        raise UnknownZone(text, _proposal(text))
    return ZoneInfo(text)


def _is_in_a_named_folder(text: str) -> bool:
    """Whether a folder of `PYTHONTZPATH` has a zone that the database lacks."""
    parts = PurePosixPath(text).parts
    is_plain = bool(parts) and "/".join(parts) == text and not {"/", "..", "."} & {*parts}
    return is_plain and any(Path(folder, text).is_file() for folder in folders())


def _machine_hint(text: str) -> str:
    copy = text.partition("/")[2]
    return f"write {copy if copy in zone_names() else 'an IANA name such as Europe/Paris'}"


def _proposal(text: str) -> str:
    *others, last = meant_by(text) or ("",)
    if not last:
        return "write an IANA name such as Europe/Paris"
    return f"did you mean {', '.join(others)} or {last}?" if others else f"did you mean {last}?"


def summer_time_hint(text: str) -> str | None:
    """What to write in place of a zone that has no summer time though its name is used where clocks
    change, such as `EST`; None for every other. A fixed offset says that none is meant."""
    zones = () if text.upper() in _GREENWICH else zones_with_summer_time(text)
    if not zones:
        return None
    offset = datetime(2026, 1, 1, tzinfo=ZoneInfo(text)).utcoffset() or timedelta()
    hours = int(offset.total_seconds() // 3600)
    return f"write {' or '.join(zones)}, or GMT{hours:+d} if the clocks never change"


@lru_cache(maxsize=1024)
def zone_or_offset(text: str) -> tzinfo:
    """The zone of an IANA name, or of `GMT-5`, `UTC+05:30` or `-05:00`. Raises UnknownZone.

    A fixed offset reads as people write it: `GMT-5` is five hours behind Greenwich (the opposite
    of the IANA name `Etc/GMT-5`).
    """
    if text.upper() in _GREENWICH:
        return UTC
    if match := _FIXED.fullmatch(text.strip()):
        sign, hours, minutes = match.groups()
        offset = timedelta(hours=int(hours), minutes=int(minutes or 0))
        if offset > timedelta(hours=_MOST_HOURS):
            raise UnknownZone(text, f"offsets go up to {_MOST_HOURS} hours")
        return timezone(-offset if sign == "-" else offset)
    return iana_zone(text)
