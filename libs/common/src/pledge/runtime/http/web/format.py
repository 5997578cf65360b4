"""How times and durations read on a page."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from markupsafe import Markup

from pledge.runtime.instants import utc_text


def instant(value: datetime | None, zone: str = "UTC") -> Markup:
    """An instant as a `<time>` element in `zone`, which it names; a dash for none."""
    if value is None:
        return Markup("–")
    local = value.astimezone(ZoneInfo(zone))
    return Markup('<time datetime="{}">{} {}</time>').format(
        utc_text(value), local.strftime("%Y-%m-%d %H:%M:%S"), zone_name(local)
    )


def local_time(value: datetime | None, zone: tzinfo, *, today: datetime | None = None) -> Markup:
    """An instant as a `<time>` element for people in `zone`, which it names; a dash for none.

    Seconds are left out where there are none: `Mon 2026-11-16 11:30 EST`. On a page that is of
    the moment, `today` leaves out the date of that day and the year of that year: `11:30 EST`,
    `Tue 17 Nov 11:30:05 EST`.
    """
    if value is None:
        return Markup("–")
    local = value.astimezone(zone)
    day = f"{local:%a %Y-%m-%d}"
    if today is not None and local.year == (here := today.astimezone(zone)).year:
        day = "" if local.date() == here.date() else f"{local:%a} {local.day} {local:%b}"
    clock = f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"
    words = " ".join(part for part in (day, clock, zone_name(local)) if part)
    return Markup('<time datetime="{}">{}</time>').format(utc_text(value), words)


def duration(value: timedelta | None) -> str:
    """A duration in its two largest units: `3 d 4 h`, `12 min 5 s`, `0.250 s`; a dash for none."""
    if value is None:
        return "–"
    sign = "−" if value < timedelta(0) else ""
    seconds = abs(value).total_seconds()
    if 0 < seconds < 10 and seconds % 1:
        return f"{sign}{seconds:.3f} s"
    left = round(seconds)
    parts: list[str] = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return sign + (" ".join(parts[:2]) or "0 s")


def until(value: datetime | None, now: datetime) -> str:
    """How far `value` is from `now`, to the second: `in 5 min`, `2 h ago`, `now`; or a dash."""
    if value is None:
        return "–"
    distance = timedelta(seconds=round((value - now).total_seconds()))
    if not distance:
        return "now"
    return f"in {duration(distance)}" if distance >= timedelta(0) else f"{duration(-distance)} ago"


def words(name: str) -> str:
    """A name from a file or an event for people: `first_response` as `first response`."""
    return name.replace("_", " ")


def zone_name(local: datetime) -> str:
    """How people call the zone then: `CET`, or `UTC-05` where it has no letters."""
    name = local.tzname() or ""
    return f"UTC{name}" if name[:1] in ("+", "-") else name


def hidden_field(name: str, value: str) -> Markup:
    """An input that a form sends along unseen."""
    return Markup('<input type="hidden" name="{}" value="{}">').format(name, value)
