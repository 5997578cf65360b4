"""`pledge desk`: check, begin and describe the files in which a desk states its rules."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pledge.runtime.cli import root as cli
from pledge.runtime.desk_file.problem import Problem
from pledge.runtime.service.description import ServiceDescription

DESK_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

app = typer.Typer(
    help="Check, begin and describe the files of a desk.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command(
    epilog="Examples:\n\npledge desk check deploy/desks/vircom\n\npledge desk check deploy/desks/*"
)
def check(
    folders: Annotated[list[Path], typer.Argument(help="Folders of desks.", metavar="FOLDER")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Check every file of each desk; problems are printed as file:line:column: message (hint).

    Exit status: 0 when all is well (warnings allowed), 1 when there are problems.
    """
    known = cli.services()
    problems = [problem for folder in folders for problem in check_folder(folder, known)]
    errors = [problem for problem in problems if problem.severity == "error"]
    if as_json:
        listed = [asdict(one) | {"file": str(one.file)} for one in problems]
        typer.echo(json.dumps({"ok": not errors, "problems": listed}, indent=2))
    else:
        for problem in problems:
            typer.echo(str(problem))
        if not errors:
            names = ", ".join(folder.name for folder in folders)
            typer.echo(f"{names}: no problem found")
    if errors:
        raise typer.Exit(1)


@app.command(epilog="Example:\n\npledge desk new deploy/desks/acme")
def new(
    folder: Annotated[Path, typer.Argument(help="The folder to make; its name is the desk's id.")],
) -> None:
    """Write a commented desk to start from: one file for each service, valid as it stands."""
    desk = folder.resolve().name
    if not DESK_ID.fullmatch(desk):
        raise cli.CommandError(
            f"`{desk}` can't be a desk's id: small letters, digits and dashes, like `acme-support`"
        )
    known = cli.services()
    written = [folder / f"{name}.yaml" for name, one in known.items() if one.desk_template]
    if taken := [path for path in written if path.exists()]:
        raise cli.CommandError(f"{taken[0]} is there already; nothing was written")
    if not written:
        raise cli.CommandError("no installed service brings a template for its file")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in written:
            template = known[path.stem].desk_template or ""
            path.write_text(template.replace("{desk}", desk), encoding="utf-8")
            typer.echo(f"wrote {path}")
    except OSError as error:
        raise cli.CommandError(f"{folder} can't be written: {error.strerror}") from error
    typer.echo(f"edit them, then: pledge desk check {folder}")


@app.command(epilog="Example:\n\npledge desk schema sla > sla.schema.json")
def schema(
    service: Annotated[str, typer.Argument(help="The service whose file is described.")],
) -> None:
    """Print the JSON Schema of a service's file, for editors that complete and check YAML."""
    known = cli.services()
    if service not in known:
        raise cli.CommandError(f"there is no service `{service}`; there are {', '.join(known)}")
    model = known[service].desk_model
    if model is None:
        raise cli.CommandError(f"{service} describes its file in its README only")
    typer.echo(json.dumps(model.model_json_schema(), indent=2))


def check_folder(folder: Path, services: Mapping[str, ServiceDescription]) -> list[Problem]:
    """All problems of the desk in `folder`, its id and its set of files included."""
    if not folder.is_dir():
        return [Problem(folder, 1, 1, "is not a folder")]
    problems = []
    if not DESK_ID.fullmatch(folder.resolve().name):
        told = "a desk's id is small letters, digits and dashes"
        problems.append(Problem(folder, 1, 1, told, "rename the folder"))
    for path in sorted(folder.iterdir()):
        if path.suffix in (".yaml", ".yml") and not (
            path.suffix == ".yaml" and path.stem in services
        ):
            hint = "known: " + ", ".join(f"{name}.yaml" for name in services)
            problems.append(Problem(path, 1, 1, "no service reads this file", hint, "warning"))
    for name, service in services.items():
        path = folder / f"{name}.yaml"
        if service.check_desk_file is None:
            continue
        if not path.exists():
            told = f"is missing, so {name} will not serve this desk"
            problems.append(Problem(path, 1, 1, told, None, "warning"))
            continue
        problems += service.check_desk_file(path)
    return problems
