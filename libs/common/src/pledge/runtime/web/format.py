"""How times and durations read on a page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from markupsafe import Markup


def instant(value: datetime | None, zone: str = "UTC") -> Markup:
    """An instant as a `<time>` element in `zone`, which it names; a dash for none."""
    if value is None:
        return Markup("–")
    local = value.astimezone(ZoneInfo(zone))
    machine = value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}">{} {}</time>').format(
        machine, local.strftime("%Y-%m-%d %H:%M:%S"), local.tzname()
    )


def duration(value: timedelta | None) -> str:
    """A duration in its two largest units: `3 d 4 h`, `12 min 5 s`, `0.250 s`; a dash for none."""
    if value is None:
        return "–"
    sign = "−" if value < timedelta(0) else ""
    seconds = abs(value).total_seconds()
    if 0 < seconds < 10:
        return f"{sign}{seconds:.3f} s"
    left = round(seconds)
    parts: list[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return sign + (" ".join(parts[:2]) or "0 s")


def until(value: datetime | None, now: datetime) -> str:
    """How far `value` is from `now`: `in 5 min`, `2 h 3 min ago`; a dash for none."""
    if value is None:
        return "–"
    distance = value - now
    return f"in {duration(distance)}" if distance >= timedelta(0) else f"{duration(-distance)} ago"


def words(name: str) -> str:
    """A name from a file or an event for people: `first_response` as `first response`."""
    return name.replace("_", " ")


def hidden_field(name: str, value: str) -> Markup:
    """An input that a form sends along unseen."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(name, value)
