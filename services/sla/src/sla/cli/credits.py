"""`pledge sla credits`: what lost periods of objectives owe, to be confirmed or waived."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import typer

from pledge.runtime.cli.api_client import AsJson, ask, named, show_page
from sla.cli.client import get

app = typer.Typer(
    help="What lost periods of objectives owe, for a person to confirm. Nothing is charged.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

Desk = Annotated[str, typer.Argument(help="The desk's id.")]
Objective = Annotated[str, typer.Argument(help="The objective's name in the desk's file.")]
Period = Annotated[str, typer.Argument(help="The period: 2026-03, 2026-Q1, 2026-W10.")]


class CreditState(StrEnum):
    """Which credits to list."""

    OPEN = "open"
    CONFIRMED = "confirmed"
    WAIVED = "waived"


@app.command("list", epilog="Example:\n\npledge sla credits list --desk vircom")
def list_credits(
    desk: Annotated[list[str] | None, typer.Option(help="Only of this desk.")] = None,
    state: Annotated[CreditState, typer.Option(help="Which.")] = CreditState.OPEN,
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 100,
    as_json: AsJson = False,
) -> None:
    """List credits, newest first; by default those that wait for a decision."""
    page = get("/credits", {"desk": desk, "state": state.value, "limit": limit}).json()
    columns = ("desk", "objective", "period", "share", "attainment", "owes", "credit", "decided_by")
    show_page(page, columns, as_json=as_json, nothing="no such credit")


@app.command(epilog="Example:\n\npledge sla credits confirm vircom p2_answers 2026-03")
def confirm(desk: Desk, objective: Objective, period: Period) -> None:
    """Confirm that a lost period owes its credit."""
    _decide(desk, objective, period, {"decision": "confirmed"})


@app.command(epilog="Example:\n\npledge sla credits waive vircom p2_answers 2026-03 --why outage")
def waive(
    desk: Desk,
    objective: Objective,
    period: Period,
    why: Annotated[str, typer.Option(help="The reason.")],
) -> None:
    """Waive the credit of a lost period, for a reason."""
    _decide(desk, objective, period, {"decision": "waived", "why": why})


def _decide(desk: str, objective: str, period: str, body: dict[str, Any]) -> None:
    path = f"/credits/{named(desk)}/{named(objective)}/{named(period)}"
    found = ask("sla", "POST", path, json=body).json()
    owes = f"{found['decided_owes']:.2%}"
    typer.echo(f"{objective} {period}: {owes} {found['credit']} by {found['decided_by']}.")
