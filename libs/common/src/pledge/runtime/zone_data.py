"""Where time-zone data comes from: the locked package `tzdata`, whatever machine this is.

Python's `zoneinfo` would read the machine's files first, which are as old as its image: where a law
has changed since, due times and the times in mails would be an hour off, and two machines would
disagree. A folder that somebody names in `PYTHONTZPATH` is honoured, for that is a choice.
"""

from __future__ import annotations

import os
import zoneinfo
from importlib.metadata import version

PACKAGE = "tzdata"


def use_locked_data() -> None:
    """Read zones from `tzdata` alone, or before it from the folders named in `PYTHONTZPATH`.

    Importing `pledge.runtime` does this, so that no process of ours can forget it. Zones that were
    made before are made anew when they are asked for again.
    """
    if os.environ.get("PYTHONTZPATH"):
        zoneinfo.reset_tzpath()
    else:
        zoneinfo.reset_tzpath(())
    zoneinfo.ZoneInfo.clear_cache()


def versions(*others: str) -> dict[str, str]:
    """The version of `tzdata`, and of `others`: the packages that times are reckoned with."""
    return {package: version(package) for package in (PACKAGE, *others)}


def folders() -> tuple[str, ...]:
    """The folders that are read before the package."""
    return tuple(zoneinfo.TZPATH)
