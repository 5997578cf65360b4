"""Reports the demo: a line for each step as it happens, and a summary of all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pledge.runtime.clock import Clock

T = TypeVar("T")
COLOURS = {
    "urgent mail": "red",
    "mail": "cyan",
    "voicemail": "magenta",
    "chat": "green",
    "portal": "blue",
    "status page": "yellow",
}
"""Also the order of the summary."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step: whether it happened, and how long it took."""

    lane: str
    text: str
    latency: timedelta | None
    of: str
    """What the latency counts from."""
    has_happened: bool


class NotHappened(Exception):
    """A step did not happen in its time; the rest of its lane can't."""


class Reporter:
    """Prints steps and remembers them."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._clock = clock
        self.steps: list[Step] = []
        self.ticket: str | None = None
        """The number of the ticket whose story is worth a second look."""

    async def expect(self, lane: str, what: str, happening: Awaitable[T], within: timedelta) -> T:
        """Wait for a step. Raises NotHappened, reporting it, when `within` is over."""
        try:
            async with asyncio.timeout(within.total_seconds()):
                return await happening
        except TimeoutError:
            self.failed(lane, f"{what}: not within {within.seconds} s")
            raise NotHappened(f"{lane}: {what}") from None

    def happened(
        self, lane: str, text: str, latency: timedelta | None = None, of: str = ""
    ) -> None:
        """Tell a step that happened, `latency` after what `of` names."""
        self._say(Step(lane, text, latency, of, has_happened=True))

    def failed(self, lane: str, text: str) -> None:
        """Tell a step that went wrong."""
        self._say(Step(lane, text, None, "", has_happened=False))

    @property
    def missing(self) -> list[Step]:
        """The steps that did not happen."""
        return [step for step in self.steps if not step.has_happened]

    def summary(self) -> Table:
        """What happened, lane by lane."""
        table = Table(title="What happened", title_justify="left", title_style="bold")
        table.add_column("contact")
        table.add_column("step", overflow="fold")
        table.add_column("latency", justify="right")
        table.add_column("counted from")
        lanes = dict.fromkeys(step.lane for step in self.steps)
        for lane in sorted(lanes, key=list(COLOURS).index):
            for step in (step for step in self.steps if step.lane == lane):
                mark = "" if step.has_happened else "✘ "
                table.add_row(
                    Text(lane, style=COLOURS.get(lane, "")),
                    Text(mark + step.text, style="" if step.has_happened else "red"),
                    duration(step.latency),
                    step.of,
                )
            table.add_section()
        return table

    def _say(self, step: Step) -> None:
        self.steps.append(step)
        now = self._clock.now().strftime("%H:%M:%S.%f")[:-3]
        line = Text()
        line.append(f"{now}  ", style="dim")
        line.append(f"{step.lane:<12}", style=COLOURS.get(step.lane, ""))
        line.append("✔ " if step.has_happened else "✘ ", "green" if step.has_happened else "red")
        line.append(step.text)
        if step.latency is not None:
            line.append(f"  {duration(step.latency)} after {step.of}", style="dim")
        self._console.print(line, soft_wrap=True)


def duration(value: timedelta | None) -> str:
    """`38 ms`, `2.35 s`; nothing for none."""
    if value is None:
        return ""
    seconds = value.total_seconds()
    return f"{seconds * 1000:.0f} ms" if abs(seconds) < 1 else f"{seconds:.2f} s"
