"""`pledge notify`: pages, acknowledgements and receivers on the command line."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from notify.desk_file.load import FILE_NAME, check_desk_file
from notify.desk_file.model import NotifyFile
from notify.desk_file.template import DESK_TEMPLATE
from notify.topics import TOPICS
from pledge.runtime.auth.key_derivation import webhook_secret
from pledge.runtime.cli import root as cli
from pledge.runtime.cli.api_client import AsJson, ask, named, show_page
from pledge.runtime.desk_file.load import read_desk_file
from pledge.runtime.postgres.migrations import migrations_of
from pledge.runtime.service.description import ServiceDescription

SERVICE = ServiceDescription(
    name="notify",
    migrations=migrations_of("notify"),
    topics=TOPICS,
    check_desk_file=check_desk_file,
    desk_template=DESK_TEMPLATE,
    desk_model=NotifyFile,
)

app = typer.Typer(
    help="Pages, deliveries, who is on call.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Desks = Annotated[list[str] | None, typer.Option(help="Only of this desk.")]
Limit = Annotated[int, typer.Option(min=1, max=200)]


@app.command(epilog="Example:\n\npledge notify pages --state open")
def pages(
    desk: Desks = None,
    state: Annotated[
        list[str] | None,
        typer.Option(help="triggered, acknowledged, exhausted, resolved, or open."),
    ] = None,
    ticket: Annotated[str | None, typer.Option(help="Only of this ticket.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List pages, newest first."""
    params = {"desk": desk, "state": state, "ticket": ticket, "limit": limit}
    found = _call("GET", "/pages", params=params)
    columns = ("id", "state", "summary", "raised_at", "is_late", "acknowledged_by")
    show_page(found, columns, as_json=as_json)


@app.command(epilog="Example:\n\npledge notify deliveries --state failed")
def deliveries(
    desk: Desks = None,
    state: Annotated[
        list[str] | None, typer.Option(help="pending, delivered, failed, cancelled.")
    ] = None,
    ticket: Annotated[str | None, typer.Option(help="Only of this ticket.")] = None,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """List messages that were sent, wait, or were given up; newest first."""
    params = {"desk": desk, "state": state, "ticket": ticket, "limit": limit}
    found = _call("GET", "/deliveries", params=params)
    columns = ("id", "state", "kind", "target", "attempts", "reason", "created_at")
    show_page(found, columns, as_json=as_json)


@app.command(epilog="Example:\n\npledge notify ack 019a1c1e-7a54-7c11-8d5e-0d5cd4b0a1f3")
def ack(
    page: Annotated[str, typer.Argument(help="The page's id.")], as_json: AsJson = False
) -> None:
    """Acknowledge a page: it escalates no more."""
    found = _call("POST", f"/pages/{named(page)}/acknowledge")
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        typer.echo(f"{found['summary']}: {found['state']} by {found['acknowledged_by']}")


@app.command("test-page", epilog="Example:\n\npledge notify test-page demo on-call")
def raise_test_page(
    desk: Annotated[str, typer.Argument(help="The desk.")],
    escalation: Annotated[str, typer.Argument(help="An escalation of the desk's file.")],
    as_json: AsJson = False,
) -> None:
    """Raise a page without a cause, to see whom it reaches."""
    found = _call("POST", "/pages/test", json={"desk": desk, "escalation": escalation})
    if as_json:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        typer.echo(
            f"page {found['id']} is on its way; end it with: pledge notify ack {found['id']}"
        )


@app.command("on-call", epilog="Example:\n\npledge notify on-call --desk demo")
def on_call(desk: Desks = None, as_json: AsJson = False) -> None:
    """Show who is on call now."""
    found = _call("GET", "/on-call", params={"desk": desk})
    show_page(found, ("desk", "rotation", "name", "at"), as_json=as_json)


@app.command(epilog="Example:\n\npledge notify receivers deploy/desks/demo --key-file notify.key")
def receivers(
    folder: Annotated[Path, typer.Argument(help="The desk's folder.")],
    key_file: Annotated[
        Path, typer.Option(help="The file of PLEDGE_NOTIFY_KEY_FILE.", exists=True, dir_okay=False)
    ],
    as_json: AsJson = False,
) -> None:
    """Show each receiver's signing secret, for the operator of the receiver."""
    file, problems = read_desk_file(folder / FILE_NAME, NotifyFile)
    if file is None:
        raise cli.CommandError("\n".join(str(problem) for problem in problems))
    key = key_file.read_text(encoding="utf-8").strip()
    items = [
        {"receiver": name, "url": one.url, "secret": webhook_secret(key, folder.name, name)}
        for name, one in file.model.receivers.items()
    ]
    show_page({"items": items, "next": None}, ("receiver", "url", "secret"), as_json=as_json)


def _call(method: str, path: str, **options: Any) -> dict[str, Any]:
    found: dict[str, Any] = ask("notify", method, path, **options).json()
    return found
