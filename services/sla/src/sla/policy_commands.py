"""`pledge sla policy`: versions of a desk's promises, and what another one would change."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from pledge.runtime import cli
from pledge.runtime.asking import AsJson
from sla.asking import get, load_policy, post
from sla.policy import json_schema

app = typer.Typer(
    help="Versions of a desk's promises, and what another one would change.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Desk = Annotated[str, typer.Argument(help="The desk's id.")]


@app.command(epilog="Example:\n\npledge sla policy history vircom")
def history(desk: Desk, as_json: AsJson = False) -> None:
    """List the versions that a desk's policy has had, newest first."""
    page = get(f"/policies/{desk}").json()
    if as_json:
        typer.echo(json.dumps(page, indent=2, ensure_ascii=False))
        return
    table = Table("version", "effective from")
    for item in page["items"]:
        table.add_row(item["version"], item["effective_from"])
    cli.console().print(table)


@app.command(epilog="Example:\n\npledge sla policy diff vircom 9a6a78f382a65173")
def diff(
    desk: Desk,
    old: Annotated[str, typer.Argument(help="A version, or the beginning of one.")],
    new: Annotated[str | None, typer.Argument(help="Another; by default the newest.")] = None,
) -> None:
    """Show how two versions of a desk's policy differ, line by line."""
    items = get(f"/policies/{desk}").json()["items"]
    one, other = _version(items, old), _version(items, new) if new else items[0]
    for line in difflib.unified_diff(
        one["content"].splitlines(),
        other["content"].splitlines(),
        f"{desk} {one['version']} from {one['effective_from']}",
        f"{desk} {other['version']} from {other['effective_from']}",
        lineterm="",
    ):
        typer.echo(line)


@app.command(epilog="Example:\n\npledge sla policy preview deploy/desks/vircom")
def preview(
    folder: Annotated[Path, typer.Argument(help="The desk's folder, with the new sla.yaml.")],
    as_json: AsJson = False,
) -> None:
    """Show which open timers would move, start, end or breach; nothing is changed."""
    policy = load_policy(folder)
    content = (folder / "sla.yaml").read_text(encoding="utf-8")
    found = post(f"/policies/{policy.desk}/preview", content).json()
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    typer.echo(f"{found['affected_tickets']} of {found['open_tickets']} open tickets change.")
    table = Table("ticket", "metric", "what", "due now", "due then")
    for each in found["changes"]:
        row = (each["number"], each["metric"], each["what"], each["due_before"], each["due_after"])
        table.add_row(*(value or "" for value in row))
    cli.console().print(table)
    if not found["is_complete"]:
        typer.echo(f"only the first are listed; in all: {found['counts']}")


@app.command(epilog="Example:\n\npledge sla policy schema > sla.schema.json")
def schema() -> None:
    """Print the JSON Schema of sla.yaml, for editors."""
    typer.echo(json.dumps(json_schema(), indent=2))


def _version(items: list[dict[str, Any]], asked: str) -> dict[str, Any]:
    found = [item for item in items if item["version"].startswith(asked)]
    if not found:
        known = ", ".join(dict.fromkeys(item["version"] for item in items))
        raise cli.CommandError(f"there is no version {asked}; there are {known}")
    return found[0]
