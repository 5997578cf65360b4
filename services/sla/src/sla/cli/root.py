"""`pledge sla`: business time and promises on the command line."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from pledge.runtime.cli import root as cli
from pledge.runtime.cli.api_client import AsJson, named, show_page
from pledge.runtime.clock import SystemClock
from pledge.runtime.postgres.migrations import migrations_of
from pledge.runtime.service.description import ServiceDescription
from sla import ENGINE
from sla.cli import simulation
from sla.cli.calendar_requests import answer_request
from sla.cli.client import get, load_policy
from sla.cli.credits import app as credits_app
from sla.cli.facts_file import FactsFile, read_facts
from sla.cli.history_import import import_history
from sla.cli.policy import app as policy_app
from sla.cli.quarantine import app as quarantine_app
from sla.cli.reports import report
from sla.cli.whatif import what_if
from sla.desk_file.model import PolicyFile
from sla.desk_file.read import check_desk_file
from sla.desk_file.template import DESK_TEMPLATE
from sla.topics import TOPICS

SERVICE = ServiceDescription(
    name="sla",
    migrations=migrations_of("sla"),
    topics=TOPICS,
    check_desk_file=check_desk_file,
    desk_template=DESK_TEMPLATE,
    desk_model=PolicyFile,
    installation=lambda: {"engine of promises": str(ENGINE), "holidays": version("holidays")},
)

app = typer.Typer(
    help="Promises: calendars, timers, breaches, and why they are as they are.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(policy_app, name="policy")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(credits_app, name="credits")
app.command(epilog="Example:\n\npledge sla report attainment --desk vircom --by severity,month")(
    report
)

app.command(
    "what-if",
    epilog="Examples:\n\npledge sla what-if --policy new/sla.yaml --since 2026-01-01 --desk vircom"
    "\n\npledge sla what-if --policy deploy/desks/mine --facts history.jsonl",
)(what_if)
app.command(
    "import",
    epilog="Examples:\n\npledge sla import --from zendesk --write-map map.yaml"
    "\n\npledge sla import --from zendesk tickets.json --map map.yaml --out history.jsonl"
    "\n\npledge sla what-if --policy deploy/desks/mine --facts history.jsonl",
)(import_history)


@app.command(
    epilog="""Example:\n
    echo '{"id": 1, "calendar": {"timezone": "America/Toronto", "hours": {"mon-fri":
    ["08:30-18:00"]}}, "op": "add", "start": "2026-11-20T22:00:00Z", "seconds": 3600}'
    | pledge sla calendar"""
)
def calendar() -> None:
    """Answer questions about business time: JSON lines in on stdin, JSON lines out on stdout.

    A question is {"id", "calendar", "op": "add"|"between"|"is_open", "start", "end"?, "seconds"?},
    the calendar in the words of a desk's file; an answer {"id", "result"} or {"id", "error"}.
    """
    for line in sys.stdin.buffer:
        if line.strip():
            # In ASCII, so that half a surrogate pair in a question has its answer, too.
            typer.echo(json.dumps(_calendar_answer(line)))


def _calendar_answer(line: bytes) -> dict[str, object]:
    try:
        request = json.loads(line.decode())
    except ValueError as error:
        return {"id": None, "error": f"the line is not JSON: {error}"}
    except RecursionError:
        return {"id": None, "error": "the line is nested too deep"}
    if not isinstance(request, dict):
        return {"id": None, "error": "the line is no JSON object"}
    return answer_request(request)


@app.command(
    epilog="Example:\n\npledge sla simulate --desk deploy/desks/vircom --facts facts.jsonl --json"
)
def simulate(
    desk: Annotated[Path, typer.Option(help="The desk's folder, with its sla.yaml.")],
    facts: Annotated[
        Path, typer.Option(help="Ticket events, one JSON object a line; - for stdin.")
    ],
    until: Annotated[
        str | None, typer.Option(help="Look at the promises at this instant, ISO 8601.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what a desk's promises make of some ticket events, without any broker or database.

    The events are as on ticket.events.v1, of any number of tickets, in any order. Without
    --until the promises are shown as of now, or of the newest event where that lies ahead.
    """
    policy = load_policy(desk)
    facts_file = read_facts(facts)
    for kind, count in facts_file.ignored.items():
        typer.echo(f"{facts}: left out {count} x {kind}, which is no fact of a ticket", err=True)
    seen_until = _instant(until) or _newest(facts_file)
    simulated = simulation.simulate(facts_file.events, policy, seen_until)
    if as_json:
        typer.echo(json.dumps(simulation.as_json(simulated, policy, seen_until), indent=2))
    else:
        typer.echo(simulation.as_text(simulated))


def _newest(facts_file: FactsFile) -> datetime:
    """Now, or the newest instant that the events name. Raises CommandError where there are none."""
    if not facts_file.facts:
        raise cli.CommandError("there is no event to simulate")
    newest = max(max(fact.occurred_at, fact.recorded_at) for fact in facts_file.facts)
    return max(SystemClock().now(), newest)


@app.command(epilog="Example:\n\npledge sla explain VIR-10042")
def explain(
    ticket: Annotated[str, typer.Argument(help="The ticket's number or id.")],
    as_json: AsJson = False,
) -> None:
    """Say why each promise of a ticket is as it is: rule, segments, time used and left."""
    form = "json" if as_json else "text"
    answer = get(f"/tickets/{named(ticket)}/explanation", {"format": form})
    if as_json:
        typer.echo(json.dumps(answer.json(), indent=2, ensure_ascii=False))
    else:
        typer.echo(answer.text)


@app.command(epilog="Example:\n\npledge sla timers --desk vircom --state running")
def timers(
    desk: Annotated[list[str] | None, typer.Option(help="Only of this desk.")] = None,
    state: Annotated[
        str | None, typer.Option(help="running, paused, at_risk, met, breached, cancelled")
    ] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Only of this metric.")] = None,
    ticket: Annotated[str | None, typer.Option(help="Only of this ticket.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: AsJson = False,
) -> None:
    """List timers, earliest due first; by default those that are open."""
    asked = {"desk": desk, "state": state, "metric": metric, "ticket": ticket, "limit": limit}
    page = get("/timers", asked).json()
    columns = ("number", "metric", "state", "due_at", "seconds_left", "target")
    show_page(page, columns, as_json=as_json)


@app.command(epilog="Example:\n\npledge sla breaches --desk vircom")
def breaches(
    desk: Annotated[list[str] | None, typer.Option(help="Only of this desk.")] = None,
    metric: Annotated[list[str] | None, typer.Option(help="Only of this metric.")] = None,
    ticket: Annotated[str | None, typer.Option(help="Only of this ticket.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: AsJson = False,
) -> None:
    """List breaches, newest first, those taken back included."""
    asked = {"desk": desk, "metric": metric, "ticket": ticket, "limit": limit}
    page = get("/breaches", asked).json()
    columns = ("number", "metric", "severity", "due_at", "detected_at", "retracted_at", "target")
    show_page(page, columns, as_json=as_json)


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        message = f"--until {text} is no instant: write it like 2026-01-31T09:00:00Z"
        raise cli.CommandError(message) from error
    if instant.tzinfo is None:
        raise cli.CommandError(f"--until {text} has no offset from UTC; add one, like {text}Z")
    return instant.astimezone(UTC)
