"""`pledge intake`: look at tickets from the command line."""

import json
from pathlib import Path
from typing import Annotated

import typer

from intake.cli.articles import app as articles_app
from intake.cli.parse_mails import bytes_of, parse
from intake.cli.persons import erase_person, export_person
from intake.cli.webhooks import app as webhooks_app
from intake.desk_file.load import check_desk_file
from intake.desk_file.model import IntakeFile
from intake.desk_file.template import DESK_TEMPLATE
from intake.domain.command_registry import State
from intake.mail.parse import read_mail
from intake.storage.ledger import Ending
from intake.topics import TOPICS
from pledge.runtime.cli import root as cli
from pledge.runtime.cli import tables
from pledge.runtime.cli.api_client import AsJson, ask, named
from pledge.runtime.postgres.migrations import migrations_of
from pledge.runtime.service.description import ServiceDescription

SERVICE = ServiceDescription(
    name="intake",
    migrations=migrations_of("intake"),
    topics=TOPICS,
    check_desk_file=check_desk_file,
    desk_template=DESK_TEMPLATE,
    desk_model=IntakeFile,
)

app = typer.Typer(
    help="Tickets: list them, show one, see how a mail is read.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


app.add_typer(articles_app, name="articles")
app.add_typer(webhooks_app, name="webhooks")


@app.command(epilog="Example:  pledge intake tickets --desk vircom --state open --json")
def tickets(
    desk: Annotated[list[str] | None, typer.Option(help="Only of this desk.")] = None,
    state: Annotated[list[State] | None, typer.Option(help="Only in this state.")] = None,
    severity: Annotated[list[str] | None, typer.Option(help="Only of this severity.")] = None,
    q: Annotated[str | None, typer.Option(help="A number, an address, or words.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: AsJson = False,
) -> None:
    """List tickets, newest first."""
    found = ask(
        "intake",
        "GET",
        "/tickets",
        params={"desk": desk, "state": state, "severity": severity, "q": q, "limit": limit},
    ).json()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    rows = [
        (
            each["number"], each["state"], each["severity"], each["channel"],
            _reached_by(each["requester"]), each["subject"], each["opened_at"],
        )
        for each in found["items"]
    ]  # fmt: skip
    columns = ("number", "state", "severity", "channel", "requester", "subject", "opened")
    tables.show(columns, rows, nothing="no ticket matches")
    if found["next"]:
        typer.echo("there are more: raise --limit, or narrow the list down", err=True)


def _reached_by(person: dict[str, str | None]) -> str | None:
    return person["email"] or person["phone"] or person["chat"]


@app.command(epilog="Example:  pledge intake show VIR-10042 --json")
def show(
    ref: Annotated[str, typer.Argument(help="The ticket's number or id.", metavar="TICKET")],
    as_json: AsJson = False,
) -> None:
    """Show a ticket and what happened to it."""
    ticket = ask("intake", "GET", f"/tickets/{named(ref)}").json()
    facts = ask("intake", "GET", f"/tickets/{ticket['id']}/facts", params={"limit": 200}).json()
    if as_json:
        typer.echo(json.dumps({"ticket": ticket, "facts": facts["items"]}, indent=2))
        return
    console = cli.console()
    title = f"{ticket['number']} ({ticket['desk']}): {ticket['subject']}"
    console.print(title, style="bold", soft_wrap=True)
    for name in ("state", "severity", "priority", "channel", "line", "opened_at", "reply_to"):
        if ticket[name] is not None:
            console.print(f"{name.replace('_', ' ')}: {ticket[name]}", soft_wrap=True)
    for fact in facts["items"]:
        line = f"{fact['sequence']:>4} {fact['occurred_at']} {fact['type']}"
        console.print(line, soft_wrap=True)


@app.command(epilog="Example:  pledge intake deliveries --desk vircom --end filed --json")
def deliveries(
    desk: Annotated[list[str] | None, typer.Option(help="Only of this desk.")] = None,
    end: Annotated[Ending | None, typer.Option(help="Only those that came to this end.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
    as_json: AsJson = False,
) -> None:
    """List what reached the desks and what became of it, newest first."""
    asked = {"desk": desk, "end": end, "limit": limit}
    found = ask("intake", "GET", "/deliveries", params=asked).json()
    if as_json:
        typer.echo(json.dumps(found, indent=2))
        return
    columns = (
        "id", "end", "reason", "taken_at", "channel", "sender", "subject", "ticket_number", "desk",
    )  # fmt: skip
    rows = [tuple(each[name] for name in columns) for each in found["items"]]
    tables.show(columns, rows, nothing="no delivery came to this end")
    if found["next"]:
        typer.echo("there are more: raise --limit, or narrow the list down", err=True)


@app.command(epilog="Example:  pledge intake open-delivery 4711")
def open_delivery(
    delivery: Annotated[int, typer.Argument(help="Its id, as `deliveries --end filed` lists it.")],
) -> None:
    """Open a ticket of mail that was filed as a machine's, when it is none."""
    opened = ask("intake", "POST", f"/deliveries/{delivery}/ticket").json()
    typer.echo(f"opened {opened['ticket_number']} ({opened['ticket_id']})")


app.command(
    name="export-person",
    epilog="Example:  pledge intake export-person --desk vircom --person ann@x.example",
)(export_person)
app.command(
    name="erase-person",
    epilog="Example:  pledge intake erase-person --desk vircom --person ann@x.example --yes",
)(erase_person)
app.command(name="parse", epilog="Example:  pledge intake parse --batch mails --json")(parse)


@app.command(name="read-mail", epilog="Example:  pledge intake read-mail message.eml")
def read_mail_command(
    path: Annotated[Path, typer.Argument(help="A mail as a file; - for standard input.")],
) -> None:
    """Show how a mail is read: who wrote, the text, whether a machine did. Takes nothing in."""
    try:
        raw = bytes_of(path)
    except OSError as error:
        raise cli.CommandError(f"{path} can't be read: {error.strerror}") from error
    mail = read_mail(raw)
    shown = {
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
    typer.echo(json.dumps(shown, indent=2, ensure_ascii=False))
