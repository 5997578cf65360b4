"""A bar for commands that take a while; on standard error, so that output can be piped."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TaskID

from pledge.runtime.cli import root as cli
from pledge.runtime.clock import SystemClock

# Whoever waits for longer than this wants to see how long it will take.
SHOWN_AFTER = timedelta(seconds=2)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function that takes how much of how much is done, and shows it once it has lasted."""
    shown = _Shown(what, cli.console(stderr=True), SystemClock().monotonic())
    try:
        yield shown.update
    finally:
        if shown.bar is not None:
            shown.bar.stop()


@dataclass(slots=True)
class _Shown:
    what: str
    console: Console
    started: float
    bar: Progress | None = None
    task: TaskID | None = None

    def update(self, done: int, total: int) -> None:
        if self.bar is None:
            if SystemClock().monotonic() - self.started < SHOWN_AFTER.total_seconds():
                return
            columns = (*Progress.get_default_columns(), MofNCompleteColumn())
            self.bar = Progress(*columns, console=self.console)
            self.task = self.bar.add_task(self.what, total=total)
            self.bar.start()
        if self.task is not None:
            self.bar.update(self.task, completed=done, total=total)
