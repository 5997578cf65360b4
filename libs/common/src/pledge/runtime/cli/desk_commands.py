"""`pledge desk`: check, begin and describe the files in which a desk states its rules."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from pledge.runtime.cli import root as cli
from pledge.runtime.desk_file.agreement import check_agreement
from pledge.runtime.desk_file.load import desk_in
from pledge.runtime.desk_file.problem import Problem, errors_of
from pledge.runtime.desk_file.summary import DeskFileSummary
from pledge.runtime.desk_file.template import DESK_ID, EXPECTED_ID, DeskExists, write_desk
from pledge.runtime.service.description import ServiceDescription

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
    """Check every file of each desk, and whether the files agree with each other.

    A folder that holds no file of a desk but folders of desks stands for these.

    Problems are printed as file:line:column: message (hint).

    Exit status: 0 when all is well (warnings allowed), 1 when there are problems.
    """
    known = cli.services()
    folders = [each for folder in folders for each in desks_in(folder, known)]
    problems = [problem for folder in folders for problem in check_folder(folder, known)]
    errors = errors_of(problems)
    if as_json:
        listed = [asdict(one) | {"file": str(one.file)} for one in problems]
        typer.echo(json.dumps({"ok": not errors, "problems": listed}, indent=2))
    else:
        for problem in problems:
            typer.echo(str(problem))
        if not errors:
            names = ", ".join(map(desk_in, folders))
            warnings = "nothing but warnings" if problems else "no problem found"
            typer.echo(f"{names}: {warnings}")
    if errors:
        raise typer.Exit(1)


@app.command(epilog="Example:\n\npledge desk new deploy/desks/acme")
def new(
    folder: Annotated[Path, typer.Argument(help="The folder to make; its name is the desk's id.")],
) -> None:
    """Write a commented desk to start from: one file for each service, valid as it stands."""
    desk = desk_in(folder)
    if not DESK_ID.fullmatch(desk):
        raise cli.CommandError(f"`{desk}` can't be a desk's id: {EXPECTED_ID}")
    described = cli.services()
    templates = {f"{name}.yaml": one.desk_template for name, one in described.items()}
    known = {name: template for name, template in templates.items() if template}
    if not known:
        raise cli.CommandError("no installed service brings a template for its file")
    try:
        written = write_desk(folder, known)
    except DeskExists as error:
        raise cli.CommandError(str(error)) from error
    except OSError as error:
        raise cli.CommandError(f"{folder} can't be written: {error.strerror}") from error
    for path in written:
        typer.echo(f"wrote {path}")
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


def desks_in(folder: Path, services: Mapping[str, ServiceDescription]) -> list[Path]:
    """The folder, or the desks in it where it has no desk's file itself."""
    names = [f"{name}.yaml" for name in services]
    if not folder.is_dir() or any((folder / name).exists() for name in names):
        return [folder]
    inside = sorted({path.parent for name in names for path in folder.glob(f"*/{name}")})
    return inside or [folder]


def check_folder(folder: Path, services: Mapping[str, ServiceDescription]) -> list[Problem]:
    """All problems of the desk in `folder`, what its files say of each other included."""
    problems, summaries = check_files(folder, services)
    return problems + check_agreement(summaries)


def check_files(
    folder: Path, services: Mapping[str, ServiceDescription]
) -> tuple[list[Problem], list[DeskFileSummary]]:
    """The problems of the desk's id, its set of files and each file, and what the files say."""
    if not folder.is_dir():
        return [Problem(folder, 1, 1, "is not a folder")], []
    problems = [*_check_id(folder), *_check_unread(folder, services)]
    summaries = []
    for name, service in services.items():
        path = folder / f"{name}.yaml"
        if service.check_desk_file is None:
            continue
        if not path.exists():
            message = f"is missing, so {name} will not serve this desk"
            hint = "copy one from a new desk: pledge desk new <another folder>"
            problems.append(Problem(path, 1, 1, message, hint, "warning"))
            continue
        report = service.check_desk_file(path)
        problems += report.problems
        if report.summary is not None:
            summaries.append(report.summary)
    return problems, summaries


def _check_id(folder: Path) -> Iterator[Problem]:
    if not DESK_ID.fullmatch(desk_in(folder)):
        yield Problem(folder, 1, 1, EXPECTED_ID, "rename the folder")


def _check_unread(folder: Path, services: Mapping[str, ServiceDescription]) -> Iterator[Problem]:
    known = [f"{name}.yaml" for name in services]
    for path in sorted(folder.iterdir()):
        if path.suffix in (".yaml", ".yml") and path.name not in known:
            hint = "known: " + ", ".join(known)
            yield Problem(path, 1, 1, "no service reads this file", hint, "warning")
