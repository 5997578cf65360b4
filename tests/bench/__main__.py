"""`make bench`: run the benchmarks, show the table and write `.pledge/bench.json`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from bench import (
    armed,
    assess,
    burst,
    calendar,
    growth,
    latency,
    parse,
    queue,
    reassess,
    report,
    smtp,
    start,
    throughput,
)
from bench.rig import Rig, open_rig
from bench.say import CONSOLE

CASES: dict[str, Callable[[Rig], Awaitable[list[report.Row]]]] = {
    "sla_events": throughput.sla_events,
    "intake_events": throughput.intake_events,
    "breach": latency.breach,
    "page": latency.page,
    "armed": armed.armed,
    "burst": burst.burst,
    "start": start.start,
    "reassess": reassess.reassess,
    "event_cost": growth.event_cost,
    "calendar": calendar.calendar,
    "assess": assess.assess,
    "parse": parse.parse,
    "queue": queue.queue,
    "smtp": smtp.smtp,
}


app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def main(
    names: Annotated[list[str] | None, typer.Argument(help=f"Of {', '.join(CASES)}.")] = None,
    output: Annotated[Path, typer.Option(help="Where to write the JSON.")] = Path(
        ".pledge/bench.json"
    ),
) -> None:
    """Measure each figure beside its floor, in one run on one machine."""
    chosen = names or list(CASES)
    for name in chosen:
        if name not in CASES:
            typer.echo(f"There is no benchmark {name}; there are: {', '.join(CASES)}", err=True)
            raise typer.Exit(2)
    rows = uvloop.run(_run(chosen))
    report.show(rows)
    report.write(rows, output)


async def _run(names: list[str]) -> list[report.Row]:
    rows: list[report.Row] = []
    async with open_rig() as rig:
        for name in names:
            CONSOLE.print(f"[bold]{name}[/]")
            with CONSOLE.status("measuring …"):
                rows += await CASES[name](rig)
    return rows


if __name__ == "__main__":
    app()
