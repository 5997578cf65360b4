"""`pledge sla report`: how promises were kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from pledge.runtime.cli import root as cli
from pledge.runtime.cli import tables
from pledge.runtime.cli.api_client import AsJson
from pledge.runtime.clock import SystemClock
from sla.cli.client import get, load_policy_file
from sla.cli.facts_file import tickets_in
from sla.cli.progress import progress_bar
from sla.domain.attainment import Group, Tally, merged, summed, tally
from sla.domain.replay.assess import assess


class Report(StrEnum):
    """Which report to show."""

    ATTAINMENT = "attainment"
    BREACHES = "breaches"
    PAUSES = "pauses"
    OBJECTIVES = "objectives"


def report(
    name: Annotated[Report, typer.Argument(help="Which report.")],
    desk: Annotated[str | None, typer.Option(help="The desk's id.")] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="ISO 8601, default 30 days back.")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="ISO 8601, default now.")] = None,
    by: Annotated[str | None, typer.Option(help="severity, customer, month, team.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")] = False,
    facts: Annotated[
        Path | None,
        typer.Option(help="attainment: of a file, as `pledge sla import` writes it; no service."),
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="With --facts: a sla.yaml, or its folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show promises kept and missed, breaches by hour, pauses shortly before a due time, or how
    objectives stand."""
    if facts is not None:
        if name is not Report.ATTAINMENT or policy is None or start or end or as_csv:
            raise cli.CommandError("--facts is for the report attainment, and needs --policy")
        _of_file(facts, policy, (by or "").split(","), as_json=as_json)
        return
    if desk is None:
        raise cli.CommandError("name the desk with --desk, or a file of facts with --facts")
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


def _of_file(path: Path, policy_path: Path, by: Sequence[str], *, as_json: bool) -> None:
    """How the promises of a policy were kept in a file's history, as of now."""
    policy = load_policy_file(policy_path)
    if unknown := {each for each in by if each} - {"severity", "month"}:
        raise cli.CommandError(
            f"a file's history is divided by severity and month, not by {min(unknown)}"
        )
    now, found = SystemClock().now(), dict[Group, Tally]()
    with progress_bar("bytes") as progress:
        for ticket in tickets_in(path, progress):
            counted = tally(
                [assess(ticket.facts, policy)], now, by_month="month" in by, zone=policy.zone
            )
            if "severity" not in by:
                counted = summed(
                    (group._replace(severity=""), each) for group, each in counted.items()
                )
            found = merged(found, counted)
    rows = [
        {
            "metric": group.metric,
            **({"severity": group.severity} if "severity" in by else {}),
            **({"month": group.month} if "month" in by else {}),
            "kept": each.kept,
            "missed": each.missed,
            "attainment": None if each.attainment is None else round(each.attainment, 4),
        }
        for group, each in sorted(found.items())
    ]
    if as_json:
        page = {"desk": policy.desk, "policy_version": policy.version, "items": rows}
        typer.echo(json.dumps(page, indent=2, ensure_ascii=False))
        return
    columns = [name.replace("_", " ") for name in (rows or [{}])[0]]
    tables.show(columns, [list(row.values()) for row in rows], nothing=f"{path} has no promise")
