"""What people call time zones, and which names of the tz database they mean.

Everything here follows from the `tzdata` package, so that it is the same on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from importlib import resources
from importlib.metadata import version
from typing import NamedTuple
from zoneinfo import ZoneInfo

from pledge.runtime.config.error_messages import nearest

MOST_SHOWN = 3
SHORTEST_SPELLING = 5
"""Shorter words are abbreviations: one letter more or less is another zone."""

# Where several zones share an abbreviation or a city's name, these are meant most often.
_BEST_KNOWN = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Anchorage",
    "Pacific/Honolulu",
    "America/Halifax",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Athens",
    "Europe/Lisbon",
    "Europe/Moscow",
    "Asia/Kolkata",
    "Asia/Jerusalem",
    "Europe/Dublin",
    "Asia/Shanghai",
    "Asia/Seoul",
    "Africa/Lagos",
    "Australia/Sydney",
    "Australia/Adelaide",
)
_WORDS_AROUND = re.compile(r"\s+(standard |daylight |summer )?time( zone)?$")
_ABBREVIATION = re.compile(r"[A-Z]{3,5}")


class _Use(NamedTuple):
    """A zone in which clocks show an abbreviation during some of the year."""

    zone: str
    offset: timedelta
    has_summer_time: bool


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Every name of the tz database, as the `tzdata` package has it."""
    return frozenset(_text("tzdata", "zones").split())


@lru_cache(maxsize=1)
@lru_cache(maxsize=1)
def data_year() -> int:
    """The year of the data: what was decided later is not in it."""
    return int(version("tzdata").split(".")[0])


def meant_by(text: str) -> tuple[str, ...]:
    """The zones that `text` may mean: an abbreviation, a city, a word such as Eastern; or the name
    that is spelled nearly so. The likeliest first, at most three."""
    word = _WORDS_AROUND.sub("", text.strip().casefold())
    found = _of_abbreviation(text.strip().upper()) or _places().get(word.replace("_", " "), ())
    if found:
        return found[:MOST_SHOWN]
    if len(text) < SHORTEST_SPELLING:
        return ()
    if (near := nearest(text, zone_names())) is not None:
        return (near,)
    place = nearest(word, _places())
    return () if place is None else _places()[place][:MOST_SHOWN]


@lru_cache(maxsize=64)
def zones_with_summer_time(name: str) -> tuple[str, ...]:
    """For an abbreviation that the tz database has as a zone without summer time (`EST`): the zones
    that show it in winter only, the likeliest first. Empty for every other name."""
    if name not in zone_names() or not _ABBREVIATION.fullmatch(name) or _changes_clocks(name):
        return ()
    uses = _abbreviations().get(name, ())
    if not any(use.has_summer_time for use in uses):
        return ()
    return _of_abbreviation(name)


def _of_abbreviation(text: str) -> tuple[str, ...]:
    """One zone for each offset that is called so, that of most zones first."""
    uses = _abbreviations().get(text, ())
    by_offset: dict[timedelta, list[_Use]] = {}
    for use in uses:
        by_offset.setdefault(use.offset, []).append(use)
    best = [(-len(group), min(group, key=_likelihood).zone) for group in by_offset.values()]
    return tuple(zone for _, zone in sorted(best, key=lambda one: (one[0], _rank(one[1]))))


def _likelihood(use: _Use) -> tuple[int, bool, str]:
    return _rank(use.zone), not use.has_summer_time, use.zone


def _rank(zone: str) -> int:
    return _BEST_KNOWN.index(zone) if zone in _BEST_KNOWN else len(_BEST_KNOWN)


@lru_cache(maxsize=1)
def _abbreviations() -> Mapping[str, tuple[_Use, ...]]:
    """By abbreviation, the zones that show it next year: this year some may be about to stop."""
    found: dict[str, list[_Use]] = {}
    for zone in _main_zones():
        seen = _shown(zone)
        for abbreviation, offset in seen.items():
            if abbreviation.isalpha():
                use = _Use(zone, offset, len(set(seen.values())) > 1)
                found.setdefault(abbreviation.upper(), []).append(use)
    return {abbreviation: tuple(uses) for abbreviation, uses in found.items()}


def _shown(zone: str) -> dict[str, timedelta]:
    where = ZoneInfo(zone)
    days = [datetime(data_year() + 1, month, 15, 12, tzinfo=where) for month in range(1, 13)]
    return {day.tzname() or "": day.utcoffset() or timedelta() for day in days}


def _changes_clocks(zone: str) -> bool:
    return len(set(_shown(zone).values())) > 1


@lru_cache(maxsize=1)
def _places() -> Mapping[str, tuple[str, ...]]:
    """By a name's last part in small letters: the zones, for a link the zone that it stands for."""
    links = _links()
    found: dict[str, dict[str, None]] = {}
    for name in sorted(zone_names()):
        if "/" in name and not name.startswith("Etc/"):
            place = name.rpartition("/")[2].replace("_", " ").casefold()
            found.setdefault(place, {})[_current(name, links)] = None
    return {place: tuple(sorted(zones, key=_rank)) for place, zones in found.items()}


def _current(name: str, links: Mapping[str, str]) -> str:
    """A place of its own keeps its name (Europe/Oslo); US/Eastern is America/New_York."""
    is_place = name.partition("/")[0] not in {"US", "Canada", "Mexico", "Brazil", "Chile"}
    return name if is_place else links.get(name, name)


def _main_zones() -> Iterable[str]:
    for line in _text("tzdata.zoneinfo", "zone1970.tab").splitlines():
        if line and not line.startswith("#"):
            yield line.split("\t")[2]


def _links() -> dict[str, str]:
    lines = (line.split() for line in _text("tzdata.zoneinfo", "tzdata.zi").splitlines())
    return {line[2]: line[1] for line in lines if len(line) == 3 and line[0] == "L"}


def _text(package: str, name: str) -> str:
    return resources.files(package).joinpath(name).read_text(encoding="utf-8")
