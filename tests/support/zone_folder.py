"""Zones of a folder of a test's own, before those of the tz database, as with `PYTHONTZPATH`."""

from __future__ import annotations

import shutil
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from pledge.runtime import zone_data
from pledge.runtime.desk_file.zones import iana_zone, zone_or_offset
from sla.desk_file.calendar_data import zone_file

MOVED = "Test/Moved"


def copy_zone(name: str, folder: Path, to: str = MOVED) -> None:
    """Write the zone `name` of the tz database as the zone `to` of `folder`."""
    path = folder / to
    path.parent.mkdir(parents=True, exist_ok=True)
    source = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with resources.as_file(source) as file:
        shutil.copyfile(file, path)


@contextmanager
def zone_folder(folder: Path) -> Iterator[ZoneFolder]:
    """Take zones from `folder` first, in this process, until the end."""
    folder.mkdir(parents=True, exist_ok=True)
    zoneinfo.reset_tzpath([str(folder)])
    zones = ZoneFolder(folder)
    zones.forget()
    try:
        yield zones
    finally:
        zone_data.use_locked_data()
        zones.forget()


class ZoneFolder:
    """What the folder holds; a change is seen by whatever is started afterwards."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def moved_is(self, name: str) -> None:
        """`Test/Moved` is now what the zone `name` is."""
        copy_zone(name, self.folder)
        self.forget()

    def remove(self) -> None:
        """There is no `Test/Moved` any more."""
        (self.folder / MOVED).unlink()
        self.forget()

    def forget(self) -> None:
        """Forget all zones, as a new process would."""
        zoneinfo.ZoneInfo.clear_cache()
        for cached in (iana_zone, zone_or_offset, zone_file):
            cached.cache_clear()
