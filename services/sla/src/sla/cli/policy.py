"""`pledge sla policy`: versions of a desk's promises, and what another one would change."""

from __future__ import annotations

import asyncio
import difflib
import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import MofNCompleteColumn, Progress

from pledge.runtime.cli import root as cli
from pledge.runtime.cli import tables
from pledge.runtime.cli.api_client import AsJson, ask, named
from pledge.runtime.clock import SystemClock
from sla.cli.client import get, load_desk_file
from sla.desk_file.read import SlaFile, json_schema

# How often progress is asked for while somebody watches.
LOOK_INTERVAL = timedelta(milliseconds=250)

app = typer.Typer(
    help="Versions of a desk's promises, and what another one would change.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Desk = Annotated[str, typer.Argument(help="The desk's id.")]


@app.command(epilog="Example:\n\npledge sla policy history vircom")
def history(desk: Desk, as_json: AsJson = False) -> None:
    """List the versions that a desk's policy has had, newest first."""
    page = get(f"/policies/{named(desk)}").json()
    if as_json:
        typer.echo(json.dumps(page, indent=2, ensure_ascii=False))
        return
    rows = [(item["version"], item["effective_from"], _because(item)) for item in page["items"]]
    columns = ("version", "effective from", "because of")
    tables.show(columns, rows, nothing=f"{desk} has no version yet")


def _because(item: dict[str, Any]) -> str:
    """Why a version came: its file, or the data that its calendars are made of."""
    changes: list[str] = item["calendar_changes"]
    if not changes:
        return "the file"
    libraries = ", ".join(f"{name} {version}" for name, version in item["libraries"].items())
    return f"{'; '.join(changes)} ({libraries}, from {item['recorded_at']})"


@app.command(epilog="Example:\n\npledge sla policy diff vircom 9a6a78f382a65173")
def diff(
    desk: Desk,
    old: Annotated[str, typer.Argument(help="A version, or the beginning of one.")],
    new: Annotated[str | None, typer.Argument(help="Another; by default the newest.")] = None,
) -> None:
    """Show how two versions of a desk's policy differ, line by line, and in their calendars."""
    items = get(f"/policies/{named(desk)}").json()["items"]
    one, other = _version(items, old), _version(items, new) if new else items[0]
    asked = {"old": one["version"], "new": other["version"]}
    changes = get(f"/policies/{named(desk)}/calendars/changes", asked).json()["items"]
    for line in changes:
        typer.echo(line)
    if one["text_version"] == other["text_version"]:
        what = "the same text by other zone and holiday data" if changes else "the same"
        typer.echo(f"{one['version']} and {other['version']} say {what}", err=True)
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
    """Show which open timers would move, start, end or breach; nothing is changed.

    Zones and holidays are those of the libraries installed here: before an upgrade of tzdata or
    holidays, install the new one here and ask.
    """
    _show_preview(load_desk_file(folder), as_json=as_json)


def _show_preview(file: SlaFile, *, as_json: bool) -> None:
    asked = {
        "content": file.document.text,
        "calendar_data": json.loads(file.calendar_data.text()),
    }
    path = f"/policies/{file.policy.desk}/calendars/preview"
    found = ask("sla", "POST", path, json=asked).json()
    for line in [] if as_json else found["calendar_changes"]:
        typer.echo(f"{line}.")
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    typer.echo(f"{found['affected_tickets']} of {found['open_tickets']} open tickets change.")
    names = ("number", "metric", "what", "due_before", "due_after")
    rows = [[each[name] for name in names] for each in found["changes"]]
    columns = ("ticket", "metric", "what", "due now", "due then")
    tables.show(columns, rows, nothing="no timer would change")
    if not found["is_complete"]:
        typer.echo(f"only the first are listed; in all: {found['counts']}")


@app.command(epilog="Example:\n\npledge sla policy apply deploy/desks/vircom --dry-run")
def apply(
    folder: Annotated[Path, typer.Argument(help="The desk's folder, its sla.yaml in force.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change, as `preview` does.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Don't wait: it goes on in the service.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put the tickets that are open now under the version in force, which says applies_to: open.

    The services do it, beside their work; this command gives the order and shows how far it is.
    Ctrl-C leaves the order in place. Run it again to watch.
    """
    file = load_desk_file(folder)
    if dry_run:
        _show_preview(file, as_json=as_json)
        return
    path = f"/policies/{file.policy.desk}/apply"
    found = ask("sla", "POST", path, json={"version": file.text_version}).json()
    if not detach:
        found = _watched(path, found["policy_version"], found)
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    typer.echo(_applied_words(found))


def _watched(path: str, version: str, found: dict[str, Any]) -> dict[str, Any]:
    """Show the progress until it is through; returns what the service said last."""
    console = cli.console(stderr=True)
    bar = Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=console)
    try:
        with bar:
            task = bar.add_task("open tickets", total=found["tickets"])
            while found["state"] == "running":
                bar.update(task, completed=found["done_tickets"], total=found["tickets"])
                asyncio.run(SystemClock().sleep(LOOK_INTERVAL))
                found = get(path, {"version": version}).json()
            bar.update(task, completed=found["done_tickets"], total=found["tickets"])
    except KeyboardInterrupt as error:
        typer.echo("It goes on in the service; run the same command again to watch it.", err=True)
        raise typer.Exit(cli.INTERRUPTED) from error
    return found


def _applied_words(found: dict[str, Any]) -> str:
    """What became of an order, in a line or two."""
    counts = ", ".join(f"{what} {count}" for what, count in found["counts"].items())
    words = (
        f"{found['done_tickets']} of {found['tickets']} open tickets are under version"
        f" {found['policy_version']}; timers of {found['affected_tickets']} changed"
        f"{': ' + counts if counts else ''}."
    )
    if found["state"] == "replaced":
        words += " An order for a newer version has taken its place."
    if found["tickets_set_aside"]:
        words += (
            f" {found['tickets_set_aside']} could not be assessed and keep their version;"
            " see: pledge sla quarantine list"
        )
    return words


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
