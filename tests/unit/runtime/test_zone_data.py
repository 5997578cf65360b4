"""Zones come from the locked package on every machine, in every process."""

from __future__ import annotations

import os
import subprocess
import sys
import zoneinfo
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from markupsafe import Markup
from prometheus_client import CollectorRegistry

from pledge.runtime import zone_data
from pledge.runtime.http.web.format import local_time
from pledge.runtime.observability.metrics import RuntimeMetrics

# What begins a process of ours: services, the command, the local stack's parts, the benchmarks.
ENTRIES = (
    "intake.__main__",
    "sla.__main__",
    "notify.__main__",
    "status.__main__",
    "pledge.runtime.cli.root",
    "pledge_local.__main__",
    "support.chaos.oracle_sla",
    "bench.rig",
)
# The laws of 2026, which machines with older files do not know.
LAWS = [
    ("America/Vancouver", "2026-03-07T12:00", -8, "PST"),
    ("America/Vancouver", "2026-03-09T12:00", -7, "PDT"),
    ("America/Vancouver", "2026-11-02T12:00", -7, "MST"),
    ("America/Vancouver", "2027-01-15T12:00", -7, "MST"),
    ("America/Edmonton", "2026-10-15T12:00", -6, "MDT"),
    ("America/Edmonton", "2027-01-15T12:00", -6, "CST"),
    ("America/Winnipeg", "2026-10-31T12:00", -5, "CDT"),
    ("America/Winnipeg", "2026-11-01T12:00", -5, "EST"),
    ("America/Winnipeg", "2027-01-15T12:00", -5, "EST"),
    ("Africa/Casablanca", "2026-09-19T12:00", 1, "UTC+01"),
    ("Africa/Casablanca", "2026-09-20T12:00", 0, "UTC+00"),
    ("Africa/Casablanca", "2027-02-20T12:00", 0, "UTC+00"),
    ("America/Havana", "2026-10-31T12:00", -4, "CDT"),
    ("America/Havana", "2026-12-15T12:00", -4, "CDT"),
    ("America/Havana", "2027-02-15T12:00", -4, "CDT"),
]


def run(code: str, **environment: str) -> str:
    """What a new process prints; nothing of this one's zones reaches it."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONTZPATH"}
    tests = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**inherited, "PYTHONPATH": tests, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(("zone", "at", "hours", "name"), LAWS)
def test_zones_follow_the_laws_of_2026(zone: str, at: str, hours: int, name: str) -> None:
    instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert instant.astimezone(ZoneInfo(zone)).utcoffset() == timedelta(hours=hours)
    wall = instant + timedelta(hours=hours)
    shown = Markup(local_time(instant, ZoneInfo(zone))).striptags()
    assert shown == f"{wall:%a %Y-%m-%d %H:%M} {name}"


@pytest.mark.parametrize("entry", ENTRIES)
def test_no_process_reads_the_machines_files(entry: str) -> None:
    code = f"import {entry}, zoneinfo; print(zoneinfo.TZPATH)"
    assert run(code) == "()"


def test_processes_that_a_process_starts_read_none_either() -> None:
    code = (
        "import multiprocessing, pledge.runtime\n"
        "from pledge.runtime.zone_data import folders\n"
        "with multiprocessing.get_context('spawn').Pool(1) as pool:\n"
        "    print(pool.apply(folders))\n"
    )
    assert run(code) == "()"


def test_zone_that_was_made_before_is_made_anew(tmp_path: Path) -> None:
    _copy("Europe/Berlin", tmp_path / "America" / "Vancouver")
    code = (
        "import zoneinfo\n"
        f"zoneinfo.reset_tzpath([{str(tmp_path)!r}])\n"
        "from datetime import datetime\n"
        "winter = datetime(2027, 1, 1)\n"
        "def offset():\n"
        "    here = zoneinfo.ZoneInfo('America/Vancouver')\n"
        "    return here.utcoffset(winter).total_seconds() / 3600\n"
        "before = offset()\n"
        "import pledge.runtime\n"
        "print(before, offset())\n"
    )
    assert run(code) == "1.0 -7.0"


def test_folder_that_somebody_names_is_honoured_and_the_package_knows_the_rest(
    tmp_path: Path,
) -> None:
    _copy("Europe/Berlin", tmp_path / "Test" / "Moved")
    code = (
        "import pledge.runtime\n"
        "from datetime import datetime\n"
        "from zoneinfo import ZoneInfo\n"
        "from pledge.runtime.zone_data import folders\n"
        "for name in ('Test/Moved', 'America/Winnipeg'):\n"
        "    print(ZoneInfo(name).utcoffset(datetime(2027, 1, 1)).total_seconds() / 3600)\n"
        "print(*folders())\n"
    )
    assert run(code, PYTHONTZPATH=str(tmp_path)).splitlines() == ["1.0", "-5.0", str(tmp_path)]
    assert run("import pledge.runtime, zoneinfo; print(zoneinfo.TZPATH)", PYTHONTZPATH="") == "()"


def test_this_process_reads_none() -> None:
    assert os.environ.get("PYTHONTZPATH", "") == ""
    assert zoneinfo.TZPATH == ()


def test_versions_are_those_of_the_packages_and_measured() -> None:
    found = zone_data.versions("holidays")
    assert found == {"tzdata": version("tzdata"), "holidays": version("holidays")}
    registry = CollectorRegistry()
    RuntimeMetrics(registry, "sla").time_data(found)
    for package, number in found.items():
        labels = {"service": "sla", "package": package, "version": number}
        assert registry.get_sample_value("pledge_time_data_info", labels) == 1


def test_images_read_no_files_of_their_base() -> None:
    root = Path(__file__).parents[3]
    images = [root / "deploy" / "Dockerfile", *sorted(root.glob("services/*/Dockerfile"))]
    assert len(images) == 5
    for image in images:
        assert 'PYTHONTZPATH=""' in image.read_text(encoding="utf-8"), image


def test_no_statement_asks_the_databases_zone_data() -> None:
    root = Path(__file__).parents[3]
    sources = [
        *root.glob("services/*/src/**/*.py"),
        *root.glob("services/*/migrations/*.sql"),
        *root.glob("libs/common/src/**/*.py"),
        *root.glob("libs/common/src/**/*.sql"),
    ]
    assert len(sources) > 300
    for source in sources:
        text = source.read_text(encoding="utf-8").lower()
        for asks in ("at time zone", "date_trunc(", "to_char(", "date_part(", "::date"):
            assert asks not in text, (source, asks)


def test_no_script_of_a_page_asks_the_browsers_zone_data() -> None:
    root = Path(__file__).parents[3]
    # Of the product: what tests take from npm stands in the virtual environment.
    tops = [root / name for name in ("libs", "services", "deploy", "docs", "tests")]
    scripts = [each for top in tops for each in top.glob("**/src/**/*.js")]
    scripts += root.glob("services/*/src/**/*.html")
    assert len(scripts) > 20
    for script in scripts:
        text = script.read_text(encoding="utf-8")
        for asks in ("Intl.", "toLocale", "getTimezoneOffset", "getHours(", "getDate("):
            assert asks not in text, (script, asks)


def _copy(zone: str, to: Path) -> None:
    to.parent.mkdir(parents=True)
    to.write_bytes(files("tzdata").joinpath("zoneinfo", *zone.split("/")).read_bytes())
