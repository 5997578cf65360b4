"""`pledge intake`: look at tickets from the command line."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.table import Table

from intake.domain.mail import read_mail
from intake.policy import DeskFile, check_desk_file
from intake.template import DESK_TEMPLATE
from pledge.runtime import cli, target
from pledge.runtime.migrations import migrations_of
from pledge.runtime.service import ServiceDescription

SERVICE = ServiceDescription(
    name="intake",
    migrations=migrations_of("intake"),
    check_desk_file=check_desk_file,
    desk_template=DESK_TEMPLATE,
    desk_model=DeskFile,
)

app = typer.Typer(
    help="Tickets: list them, show one, see how a mail is read.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

_Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


@app.command(epilog="Example:  pledge intake tickets --desk vircom --state open --json")
def tickets(
    desk: Annotated[list[str] | None, typer.Option(help="Only of this desk.")] = None,
    state: Annotated[list[str] | None, typer.Option(help="Only in this state.")] = None,
    severity: Annotated[list[str] | None, typer.Option(help="Only of this severity.")] = None,
    q: Annotated[str | None, typer.Option(help="A number, an address, or words.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: _Json = False,
) -> None:
    """List tickets, newest first."""
    found = _get(
        "/tickets",
        {"desk": desk, "state": state, "severity": severity, "q": q, "limit": limit},
    )
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    table = Table("Number", "State", "Severity", "Channel", "Requester", "Subject", "Opened")
    for each in found["items"]:
        person = each["requester"]
        who = person["email"] or person["phone"] or person["chat"] or ""
        table.add_row(
            each["number"], each["state"], each["severity"] or "", each["channel"], who,
            each["subject"], each["opened_at"],
        )  # fmt: skip
    cli.console().print(table)


@app.command(epilog="Example:  pledge intake show VIR-10042 --json")
def show(
    ref: Annotated[str, typer.Argument(help="The ticket's number or id.", metavar="TICKET")],
    as_json: _Json = False,
) -> None:
    """Show a ticket and what happened to it."""
    ticket = _get(f"/tickets/{ref}", {})
    facts = _get(f"/tickets/{ticket['id']}/facts", {"limit": 200})
    if as_json:
        typer.echo(json.dumps({"ticket": ticket, "facts": facts["items"]}, indent=2))
        return
    console = cli.console()
    title = f"{ticket['number']} ({ticket['desk']}): {ticket['subject']}"
    console.print(title, style="bold", markup=False)
    for name in ("state", "severity", "priority", "channel", "line", "opened_at", "reply_to"):
        console.print(f"{name}: {ticket[name]}", markup=False)
    for fact in facts["items"]:
        console.print(f"{fact['sequence']:>4} {fact['occurred_at']} {fact['type']}", markup=False)


@app.command(name="read-mail", epilog="Example:  pledge intake read-mail message.eml")
def read_mail_command(
    path: Annotated[Path, typer.Argument(help="A mail as a file; - for standard input.")],
) -> None:
    """Show how a mail is read: who wrote, the text, whether a machine did. Takes nothing in."""
    try:
        raw = sys.stdin.buffer.read() if str(path) == "-" else path.read_bytes()
    except OSError as error:
        raise cli.CommandError(f"{path} can't be read: {error.strerror}") from error
    mail = read_mail(raw)
    told = {
        "message_id": mail.message_id,
        "in_reply_to": mail.in_reply_to,
        "references": mail.references,
        "sender": mail.sender.address if mail.sender else None,
        "sender_name": mail.sender.name if mail.sender else None,
        "subject": mail.subject,
        "sent_at": mail.sent_at.isoformat() if mail.sent_at else None,
        "machine": mail.machine_reason,
        "attachments": [
            {"name": each.name, "content_type": each.content_type, "size": len(each.content)}
            for each in mail.attachments
        ],
        "defects": mail.defects,
        "text": mail.text,
    }
    typer.echo(json.dumps(told, indent=2, ensure_ascii=False))


def _get(path: str, parameters: Mapping[str, Any]) -> Any:
    url = target.service_url("intake") + path
    asked = {name: value for name, value in parameters.items() if value is not None}
    headers = {"authorization": f"Bearer {target.token()}", "accept": "application/json"}
    try:
        answer = httpx.get(url, params=asked, headers=headers, timeout=10)
    except httpx.HTTPError as error:
        raise cli.CommandError(f"intake does not answer at {url}: {error}; is it up?") from error
    if answer.is_error:
        raise cli.CommandError(f"{url}: {_detail(answer)}")
    return answer.json()


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
