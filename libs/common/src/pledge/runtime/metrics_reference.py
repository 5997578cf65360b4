"""Writes docs/reference/metrics.md: every series of every service, from the code that makes them.

`python -m pledge.runtime.metrics_reference` writes it, with `--check` it only tells whether it has
drifted. A service's series are those of the class `…Metrics` in its package's `metrics` module.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from pledge.runtime.metrics import RuntimeMetrics
from pledge.runtime.service import SERVICES_GROUP

DEFAULT_FILE = Path("docs/reference/metrics.md")

_HEAD = """\
# Metrics

Every series that a service gives at `/metrics`, in the Prometheus text format. This file is
generated from the code by `python -m pledge.runtime.metrics_reference`; do not edit it.

Durations are in seconds. A counter's name ends in `_total`; a histogram comes as `_bucket`, `_sum`
and `_count`. Beside these, each process gives what the Prometheus client library counts by itself
only if it is asked to; Pledge does not ask.
"""


class NoMetrics(Exception):
    """A service has no class `…Metrics(registry)` in its `metrics` module."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series: `name` as it is scraped, `kind` as Prometheus names it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


class _Recorder(CollectorRegistry):
    """A registry that remembers its collectors, for what `collect` does not tell: the labels."""

    def __init__(self) -> None:
        super().__init__()
        self.collectors: list[Collector] = []

    def register(self, collector: Collector) -> None:
        super().register(collector)
        self.collectors.append(collector)


def series_of(make: Callable[[CollectorRegistry], object]) -> list[Series]:
    """The series that `make` registers, by name."""
    registry = _Recorder()
    make(registry)
    found: list[Series] = []
    for collector in registry.collectors:
        labels = tuple(str(name) for name in getattr(collector, "_labelnames", ()))
        for family in collector.collect():
            ending = "_total" if family.type == "counter" else ""
            found.append(
                Series(f"{family.name}{ending}", family.type, labels, family.documentation)
            )
    return sorted(found, key=lambda one: one.name)


def render() -> str:
    """The whole document, of the runtime and of every installed service. Raises NoMetrics."""
    parts = [_HEAD, *_section("Every service", series_of(_runtime))]
    for service, make in _services():
        parts += _section(service, series_of(make))
    return "\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or check it; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m pledge.runtime.metrics_reference")
    parser.add_argument("--out", type=Path, default=DEFAULT_FILE, help="the file to write")
    parser.add_argument("--check", action="store_true", help="write nothing, fail on any drift")
    options = parser.parse_args(arguments)
    file: Path = options.out
    try:
        text = render()
    except NoMetrics as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not options.check:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return 0
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return 0
    sys.stderr.write(f"{file} has drifted from the code; run: {parser.prog} --out {file}\n")
    return 1


def _runtime(registry: CollectorRegistry) -> object:
    return RuntimeMetrics(registry, "any")


def _services() -> Iterator[tuple[str, Callable[[CollectorRegistry], object]]]:
    for entry in sorted(entry_points(group=SERVICES_GROUP), key=lambda one: one.name):
        package = entry.module.partition(".")[0]
        module = importlib.import_module(f"{package}.metrics")
        made_here = [
            value
            for name, value in vars(module).items()
            if name.endswith("Metrics") and getattr(value, "__module__", "") == module.__name__
        ]
        if len(made_here) != 1:
            raise NoMetrics(f"{module.__name__} must have exactly one class …Metrics(registry)")
        yield entry.name, made_here[0]


def _section(title: str, series: Sequence[Series]) -> list[str]:
    lines = [f"## {title}", "", "| series | type | labels | meaning |", "|---|---|---|---|"]
    for one in series:
        labels = ", ".join(f"`{label}`" for label in one.labels) or "–"
        meaning = " ".join(one.help.split()).replace("|", "\\|")
        lines.append(f"| `{one.name}` | {one.kind} | {labels} | {meaning} |")
    return [*lines, ""]


if __name__ == "__main__":
    sys.exit(main())
