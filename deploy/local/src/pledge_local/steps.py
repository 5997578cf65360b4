"""What a start shows: a line per step, with a spinner, a bar for downloads, and the time taken."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TaskID,
    TaskProgressColumn,
    TextColumn,
)
from rich.text import Text

from pledge.runtime.clock import Clock


class _OnlyDownloads(ProgressColumn):
    """Another column, left empty for steps that have no size."""

    def __init__(self, column: ProgressColumn) -> None:
        super().__init__()
        self._column = column

    def render(self, task: Task) -> RenderableType:
        """The column's own picture, or nothing."""
        return self._column.render(task) if task.fields["has_size"] else ""


class _Mark(SpinnerColumn):
    """A spinner while a step runs, then whether it went well."""

    def render(self, task: Task) -> RenderableType:
        """The step's state in one character."""
        if mark := task.fields["mark"]:
            return Text.from_markup(mark)
        return super().render(task)


class _Took(ProgressColumn):
    """The seconds a step has taken so far."""

    def render(self, task: Task) -> RenderableType:
        """Seconds with a tenth."""
        return Text(f"{task.finished_time or task.elapsed or 0:.1f} s", style="dim")


class Steps:
    """Shows steps while the block runs; on a pipe, one plain line when each is done."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self._progress = Progress(
            _Mark(),
            TextColumn("{task.description}"),
            _OnlyDownloads(BarColumn(28)),
            _OnlyDownloads(TaskProgressColumn()),
            _OnlyDownloads(DownloadColumn()),
            _Took(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Steps:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """One step: it is done when the block ends."""
        with self._shown(text, None):
            yield

    @contextmanager
    def download(self, text: str, size: int) -> Iterator[Callable[[int], None]]:
        """A step of `size` bytes; call what it yields with each piece's length."""
        with self._shown(text, size) as task:
            yield lambda piece: self._progress.advance(task, piece)

    @contextmanager
    def _shown(self, text: str, size: int | None) -> Iterator[TaskID]:
        began = self._clock.monotonic()
        is_live = self._console.is_terminal
        if size is not None and not is_live:
            self._console.print(f"… {text}: {size / 1e6:.0f} MB", soft_wrap=True)
        task = self._progress.add_task(text, total=size or 1, has_size=size is not None, mark="")
        try:
            yield task
        except BaseException:
            self._progress.update(task, mark="[red]✘[/]")
            self._progress.stop_task(task)
            raise
        if size is None:
            self._progress.update(task, completed=1)
        self._progress.update(task, mark="[green]✔[/]")
        if not is_live:
            took = self._clock.monotonic() - began
            self._console.print(f"✔ {text} ({took:.1f} s)", soft_wrap=True)
