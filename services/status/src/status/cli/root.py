"""`pledge status`: incidents of the status pages on the command line."""

import json
from typing import Annotated, Any

import typer

from pledge.runtime.cli import root as cli
from pledge.runtime.cli.api_client import AsJson, ask, named, show_page
from pledge.runtime.postgres.migrations import migrations_of
from pledge.runtime.service.description import ServiceDescription
from status.desk_file.load import check_desk_file
from status.desk_file.model import StatusFile
from status.desk_file.template import DESK_TEMPLATE
from status.topics import TOPICS

SERVICE = ServiceDescription(
    name="status",
    migrations=migrations_of("status"),
    topics=TOPICS,
    check_desk_file=check_desk_file,
    desk_template=DESK_TEMPLATE,
    desk_model=StatusFile,
)

app = typer.Typer(
    help="Status pages: incidents, updates, maintenances and components.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Components = Annotated[
    list[str] | None,
    typer.Option(
        "--component", help="KEY=STATUS, e.g. api=major_outage; repeatable.", metavar="KEY=STATUS"
    ),
]


@app.command(epilog="Example:\n\npledge status incidents --desk vircom --open")
def incidents(
    desk: Annotated[str | None, typer.Option(help="Only of this desk.")] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only what is not over.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    as_json: AsJson = False,
) -> None:
    """List incidents and maintenances, newest first."""
    params = {"open": only_open, "limit": limit, **({"desk": desk} if desk else {})}
    page = _ask("GET", "/incidents", params=params)
    show_page(
        page, ("id", "desk", "kind", "name", "status", "impact", "updated_at"), as_json=as_json
    )


@app.command(epilog="Example:\n\npledge status components --desk vircom")
def components(
    desk: Annotated[str | None, typer.Option(help="Only of this desk.")] = None,
    as_json: AsJson = False,
) -> None:
    """List components with their status."""
    page = _ask("GET", "/components", params={"desk": desk} if desk else {})
    show_page(page, ("desk", "key", "id", "name", "status"), as_json=as_json)


@app.command(
    "open",
    epilog="Example:\n\npledge status open --desk demo --name 'Mail is late' "
    "--message 'We are looking into it.' --component api=degraded_performance",
)
def open_incident(
    desk: Annotated[str, typer.Option(help="Whose page.")],
    name: Annotated[str, typer.Option(help="What is wrong, in a few words.")],
    message: Annotated[str, typer.Option(help="The first update; public at once.")],
    status: Annotated[
        str, typer.Option(help="investigating, identified, monitoring")
    ] = "investigating",
    impact: Annotated[
        str | None, typer.Option(help="none, minor, major, critical; else the worst component's.")
    ] = None,
    component: Components = None,
    as_json: AsJson = False,
) -> None:
    """Open an incident."""
    body: dict[str, Any] = {
        "desk": desk,
        "name": name,
        "body": message,
        "status": status,
        "impact": impact,
        "components": _statuses(component),
    }
    _show("opened", _ask("POST", "/incidents", json=body), as_json=as_json)


@app.command(
    epilog="Example:\n\npledge status update 0q3v6k1x9c2d --status resolved "
    "--message 'All is well.'"
)
def update(
    incident: Annotated[str, typer.Argument(help="The incident's or maintenance's id.")],
    message: Annotated[str, typer.Option(help="The update; public at once.")],
    status: Annotated[
        str | None, typer.Option(help="Its status from now on; resolved ends it.")
    ] = None,
    component: Components = None,
    as_json: AsJson = False,
) -> None:
    """Post an update on an incident or maintenance, or end it."""
    body = {"body": message, "status": status, "components": _statuses(component)}
    _show(
        "updated",
        _ask("POST", f"/incidents/{named(incident)}/updates", json=body),
        as_json=as_json,
    )


def _statuses(given: list[str] | None) -> dict[str, str]:
    statuses: dict[str, str] = {}
    for one in given or []:
        key, separator, status = one.partition("=")
        if not separator or not key or not status:
            raise cli.CommandError(f"--component {one}: write it as KEY=STATUS")
        statuses[key.strip()] = status.strip()
    return statuses


def _show(what: str, incident: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(incident, indent=2, ensure_ascii=False))
    else:
        typer.echo(f"{what} {incident['id']}: {incident['name']} is {incident['status']}")
        typer.echo(incident["url"])


def _ask(method: str, path: str, **options: Any) -> Any:
    return ask("status", method, path, **options).json()
