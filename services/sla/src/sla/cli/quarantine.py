"""`pledge sla quarantine`: tickets that can't be worked on, and taking them back."""

from __future__ import annotations

from typing import Annotated

import typer

from pledge.runtime.cli.api_client import AsJson, ask, show_page
from sla.cli.client import get

app = typer.Typer(
    help="Tickets set aside because they can't be worked on, each with the reason.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.command("list", epilog="Example:\n\npledge sla quarantine list")
def list_tickets(
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100, as_json: AsJson = False
) -> None:
    """List the tickets that are set aside, longest first."""
    page = get("/quarantine", {"limit": limit}).json()
    columns = ("number", "desk", "what", "since", "reason")
    show_page(page, columns, as_json=as_json, nothing="no ticket is set aside")


@app.command(epilog="Example:\n\npledge sla quarantine release VIR-10042")
def release(
    ticket: Annotated[str | None, typer.Argument(help="The ticket's number or id.")] = None,
    every: Annotated[bool, typer.Option("--all", help="All that you may see.")] = False,
) -> None:
    """Take tickets back: their timers go on, overdue ones at once and marked late.

    Mend the cause first; what fails again is set aside again.
    """
    if (ticket is None) is not every:
        raise typer.BadParameter("name a ticket, or say --all")
    found = ask("sla", "POST", "/quarantine/release", params={"ticket": ticket}).json()
    typer.echo(f"{found['released']} ticket(s) are taken back.")
