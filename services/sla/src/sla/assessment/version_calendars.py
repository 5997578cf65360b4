"""What a stored version says of the zone and holiday data that it was made with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sla.desk_file.calendar_changes import changes_in_words
from sla.desk_file.calendar_data import CalendarData, UnreadableCalendarData, read_calendar_data
from sla.desk_file.version import COUNTING
from sla.storage.policy_versions import NOT_RECORDED_AT, Version

NOT_KNOWN = "it is not known by what zone and holiday data the version before was reckoned"


def calendar_data_of(version: Version) -> CalendarData | None:
    """The data of a version; None where none was recorded, or none that this program can read."""
    if version.calendar_data is None:
        return None
    try:
        return read_calendar_data(version.calendar_data)
    except UnreadableCalendarData:
        return None


def libraries_of(version: Version) -> Mapping[str, str]:
    """The libraries that the data of a version came from, with their versions."""
    data = calendar_data_of(version)
    return {} if data is None else data.libraries


def recorded_at(version: Version) -> datetime | None:
    """When a version was recorded; None of one that a release without such a note wrote."""
    return None if version.recorded_at == NOT_RECORDED_AT else version.recorded_at


def version_changes(before: Version | None, version: Version, now: datetime) -> list[str]:
    """In words, how the data of a version is another than that of the one `before`."""
    if before is None or before.version == version.version:
        return []
    old, new = calendar_data_of(before), calendar_data_of(version)
    if before.version == before.text_version:
        return [NOT_KNOWN, COUNTING]  # an earlier release named it
    if old is None or new is None:
        return [NOT_KNOWN] if new is not None else []
    return changes_in_words(old, new, now)


def unrecorded_words(versions: Iterable[str]) -> list[str]:
    """What an explanation says of versions whose data nobody recorded."""
    return [
        f"By what zone and holiday data version {version} was reckoned is not known;"
        " this is by those of now."
        for version in versions
    ]
