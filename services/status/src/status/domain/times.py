"""How a page writes an instant."""

from datetime import datetime
from zoneinfo import ZoneInfo

_UTC_ZONES = frozenset({"Etc/UTC", "UTC"})


def page_time(instant: datetime, zone: ZoneInfo) -> str:
    """`instant` in ISO 8601 with three fraction digits and the offset of the page's zone.

    Pages in `Etc/UTC` write `Z`, every other zone writes its offset, even when it is zero: this is
    how the Statuspage API does it. Microseconds are cut off, not rounded, so that a time never
    lies in the future.
    """
    text = instant.astimezone(zone).isoformat(timespec="milliseconds")
    if zone.key in _UTC_ZONES:
        return text.removesuffix("+00:00") + "Z"
    return text
