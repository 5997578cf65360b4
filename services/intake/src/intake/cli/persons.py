"""`pledge intake export-person` and `erase-person`: what a desk keeps of a person."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from pledge.runtime.cli import root as cli
from pledge.runtime.cli.api_client import ask

Desk = Annotated[str, typer.Option(help="The desk.")]
Who = Annotated[
    str, typer.Option(help="The person's mail address, number, or chat identity, in full.")
]


def _parts(path: str, desk: str, person: str, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    body: dict[str, Any] = {"desk": desk, "person": person, "names": list(names)}
    while True:
        part = ask("intake", "POST", path, json=body).json()
        yield part
        if part["after"] is None:
            return
        body |= {"after": part["after"], "names": part["names"]}
        if part["erasure"]:
            body["erasure"] = part["erasure"]


def _whole(path: str, desk: str, person: str, names: Sequence[str] = ()) -> dict[str, Any]:
    whole: dict[str, Any] = {"desk": desk, "person": person, "tickets": [], "left": []}
    for part in _parts(path, desk, person, names):
        whole["tickets"] += part["tickets"]
        whole["left"] += part["left"]
        whole |= {name: part[name] for name in ("beside", "erasure", "elsewhere")}
    return whole


def export_person(
    desk: Desk,
    person: Who,
    out: Annotated[Path | None, typer.Option(help="The file; else standard output.")] = None,
) -> None:
    """Export what the desk keeps of a person, as JSON: tickets, words, files' ids, deliveries."""
    whole = _whole("/persons/exported", desk, person)
    text = json.dumps(whole, indent=2, ensure_ascii=False)
    if out is None:
        typer.echo(text)
        return
    try:
        # Nobody else on this machine is to read it, and nothing is written over.
        out.touch(mode=0o600, exist_ok=False)
        out.write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise cli.CommandError(f"{out} can't be written: {error.strerror}") from error
    typer.echo(f"{len(whole['tickets'])} tickets are in {out}")


def erase_person(
    desk: Desk,
    person: Who,
    name: Annotated[
        list[str] | None, typer.Option(help="A name of theirs that others may have written.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; else it is only shown.")] = False,
) -> None:
    """Erase a person's data, or show what would be: there is no way back."""
    whole = _whole("/persons/erased" if yes else "/persons/found", desk, person, name or ())
    numbers = [each["number"] for each in whole["tickets"]]
    if yes:
        typer.echo(f"erased from {len(numbers)} tickets: {', '.join(numbers) or 'none'}")
        if whole["left"]:
            left = ", ".join(whole["left"])
            typer.echo(f"not finished, so left: {left}; close them, then run this again")
        typer.echo(f"audit entry: {whole['erasure']}")
    else:
        for each in whole["tickets"]:
            whose = "their ticket" if each["is_theirs"] else "names them"
            state = "" if each["is_finished"] else ", not finished: would be left"
            typer.echo(f"{each['number']}: {whose}, {each['facts']} facts of theirs{state}")
        beside = {kind: len(rows) for kind, rows in whole["beside"].items() if rows}
        for kind, count in beside.items():
            typer.echo(f"{kind.replace('_', ' ')}: {count}")
        if not numbers and not beside:
            typer.echo("nothing is kept of this person")
        typer.echo("nothing was erased; run it again with --yes to erase")
    typer.echo(whole["elsewhere"])
    if whole["left"]:
        raise typer.Exit(1)
