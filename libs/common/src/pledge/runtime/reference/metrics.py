"""docs/reference/metrics.md: every series of every service, from the code that makes them.

A service's series are those of the class `…Metrics` in its package's `metrics` module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.registry import Collector

from pledge.runtime.observability.metrics import RuntimeMetrics
from pledge.runtime.reference.plugins import classes_of_services

_HEAD = """\
# Metrics

Every series that a service gives at `/metrics`, in the Prometheus text format. This file is
generated from the code by `make spec`; do not edit it.

Durations are in seconds. A counter's name ends in `_total`; a histogram comes as `_bucket`, `_sum`
and `_count`. Beside these, each process gives what the Prometheus client library counts by itself
only if it is asked to; Pledge does not ask.
"""


@dataclass(frozen=True, slots=True)
class Series:
    """One series: `name` as it is scraped, `kind` as Prometheus names it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    help: str


class _Recorder(CollectorRegistry):
    """A registry that keeps its collectors, since `collect` does not give the label names."""

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
    """The whole document, of the runtime and of every installed service. Raises NoSuchClass."""
    parts = [_HEAD, *_section("Every service", series_of(_runtime))]
    for service, make in classes_of_services("metrics", "Metrics"):
        parts += _section(service, series_of(make))
    return "\n".join(parts)


def _runtime(registry: CollectorRegistry) -> object:
    return RuntimeMetrics(registry, "any")


def _section(title: str, series: Sequence[Series]) -> list[str]:
    lines = [f"## {title}", "", "| series | type | labels | meaning |", "|---|---|---|---|"]
    for one in series:
        labels = ", ".join(f"`{label}`" for label in one.labels) or "–"
        meaning = " ".join(one.help.split()).replace("|", "\\|")
        lines.append(f"| `{one.name}` | {one.kind} | {labels} | {meaning} |")
    return [*lines, ""]
