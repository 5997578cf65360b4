"""`pledge intake webhooks`: where events of tickets are sent, and what became of them."""

import json
from datetime import UTC, datetime
from typing import Annotated

import typer

from pledge.runtime.cli import root as cli
from pledge.runtime.cli import tables
from pledge.runtime.cli.api_client import AsJson, ask, named, show_page

app = typer.Typer(
    help="Events that are sent to webhooks: list them, send them again.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Desk = Annotated[list[str] | None, typer.Option(help="Only of this desk.")]
DeskArgument = Annotated[str, typer.Argument(help="The desk.")]
Name = Annotated[str, typer.Argument(help="The webhook's name in the desk's file.")]


@app.command(name="list", epilog="Example:  pledge intake webhooks list --desk vircom")
def list_webhooks(desk: Desk = None, as_json: AsJson = False) -> None:
    """List the webhooks, with how many events wait for each or were given up."""
    found = ask("intake", "GET", "/webhooks", params={"desk": desk}).json()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    columns = ("desk", "name", "url", "pending", "given_up", "disabled_because", "disabled_at")
    rows = [tuple(each[name] for name in columns) for each in found["items"]]
    tables.show(columns, rows, nothing="no desk has a webhook")


@app.command(epilog="Example:  pledge intake webhooks deliveries --state given_up")
def deliveries(
    desk: Desk = None,
    webhook: Annotated[str | None, typer.Option(help="Only for this webhook.")] = None,
    state: Annotated[
        str | None, typer.Option(help="Only those: pending, delivered or given_up.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: AsJson = False,
) -> None:
    """List events and what became of them, newest first."""
    asked = {"desk": desk, "webhook": webhook, "state": state, "limit": limit}
    found = ask("intake", "GET", "/webhooks/deliveries", params=asked).json()
    columns = (
        "id", "state", "webhook", "type", "ticket_number", "attempts", "next_attempt_at", "reason",
        "detail",
    )  # fmt: skip
    show_page(found, columns, as_json=as_json, nothing="no event matches")


@app.command(epilog="Example:  pledge intake webhooks redeliver vircom crm --since 2026-12-01")
def redeliver(
    desk: DeskArgument,
    name: Name,
    ids: Annotated[list[int] | None, typer.Option("--id", help="This delivery.")] = None,
    since: Annotated[
        datetime | None, typer.Option(help="All that were given up since then (UTC).")
    ] = None,
) -> None:
    """Send events again, by their ids or all that were given up since an instant."""
    if bool(ids) == (since is not None):
        raise cli.CommandError("say which: --id, once or more often, or --since")
    body = {"ids": ids} if since is None else {"since": since.replace(tzinfo=UTC).isoformat()}
    path = f"/webhooks/{named(desk)}/{named(name)}/redeliver"
    count = ask("intake", "POST", path, json=body).json()["count"]
    typer.echo(f"{count} {'event is' if count == 1 else 'events are'} sent again")


@app.command(epilog="Example:  pledge intake webhooks enable vircom crm")
def enable(desk: DeskArgument, name: Name) -> None:
    """Send events again to a webhook that was disabled, from now on."""
    ask("intake", "POST", f"/webhooks/{named(desk)}/{named(name)}/enable")
    typer.echo(f"{name} gets events from now on; `redeliver` sends what was given up")
