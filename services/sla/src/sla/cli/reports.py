"""`pledge sla report`: how promises were kept."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import Annotated

import typer

from pledge.runtime.cli import root as cli
from pledge.runtime.cli import tables
from pledge.runtime.cli.api_client import AsJson
from sla.cli.client import get


class Report(StrEnum):
    """Which report to show."""

    ATTAINMENT = "attainment"
    BREACHES = "breaches"
    PAUSES = "pauses"


def report(
    name: Annotated[Report, typer.Argument(help="Which report.")],
    desk: Annotated[str, typer.Option(help="The desk's id.")],
    start: Annotated[
        str | None, typer.Option("--from", help="ISO 8601, default 30 days back.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="ISO 8601, default now.")] = None,
    by: Annotated[str | None, typer.Option(help="severity, customer, month: attainment.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show promises kept and missed, breaches by hour, or pauses shortly before a due time."""
    asked = {"desk": desk, "from": start, "to": end}
    if name is Report.ATTAINMENT:
        asked["by"] = by
    elif by is not None:
        raise cli.CommandError("--by is for the report attainment")
    answer = get(f"/reports/{name.value}", asked | {"format": "csv" if as_csv else "json"})
    if as_csv:
        typer.echo(answer.text, nl=False)
        return
    page = answer.json()
    if as_json:
        typer.echo(json.dumps(page, indent=2, ensure_ascii=False))
        return
    period = f"{desk}, {page['from']} to {page['to']} ({page['zone']})"
    columns = [name.replace("_", " ") for name in (page["items"] or [{}])[0]]
    rows = [list(item.values()) for item in page["items"]]
    tables.show(columns, rows, nothing=f"nothing in this period: {period}", title=period)
