"""`pledge sla what-if`: how promises would have been kept under another policy."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer

from pledge.runtime.cli import endpoints, tables
from pledge.runtime.cli import root as cli
from pledge.runtime.cli.api_client import AsJson
from pledge.runtime.clock import SystemClock
from pledge.runtime.desk_file.problem import DeskFileError
from pledge.runtime.postgres.pool import open_pool
from sla.assessment.policy_registry import Policies, UnknownVersion
from sla.cli.client import load_policy_file
from sla.cli.facts_file import tickets_in
from sla.cli.progress import progress_bar
from sla.domain.policy.policy import Policy
from sla.reports.whatif import Answer, Question, replay

# Before any instant that a fact may have.
EARLIEST = datetime(1900, 1, 1, tzinfo=UTC)
READ_ONLY = "SET default_transaction_read_only = on"


def what_if(
    policy: Annotated[Path, typer.Option(help="The other policy: a sla.yaml, or its folder.")],
    since: Annotated[
        str | None,
        typer.Option(help="Tickets opened from then on: a date, or ISO 8601."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(help="Tickets opened before, as they stood then; default: now.")
    ] = None,
    desk: Annotated[str | None, typer.Option(help="Whose history; default: the policy's.")] = None,
    facts: Annotated[
        Path | None,
        typer.Option(help="History from a file, as `pledge sla import` writes it; no database."),
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="With --facts: the policy to compare with.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replay real history under another policy: attainment then and now, side by side.

    It reads the database of sla (PLEDGE_SLA_DSN, or the local stack's), or a file (--facts), and
    changes nothing.
    """
    if since is None and facts is None:
        raise cli.CommandError("say from when on with --since, such as --since 2026-01-01")
    if against is not None and facts is None:
        raise cli.CommandError("--against is for a history from a file: give --facts, too")
    found = load_policy_file(policy)
    asked = Question(
        desk or found.desk,
        found,
        _instant("--since", since, found) if since else EARLIEST,
        _instant("--until", until, found) if until else SystemClock().now(),
    )
    if asked.since >= asked.until:
        raise cli.CommandError("--since must lie before --until")
    if facts is not None:
        answer = _from_file(facts, asked, None if against is None else load_policy_file(against))
    else:
        answer = asyncio.run(_answered(asked))
    if as_json:
        typer.echo(json.dumps(answer.json(), indent=2, ensure_ascii=False))
    else:
        _show(answer)


def _from_file(path: Path, asked: Question, against: Policy | None) -> Answer:
    """The answer from a file of facts, one ticket at a time."""
    answer = Answer(asked)
    with progress_bar("bytes") as progress:
        for ticket in tickets_in(path, progress):
            if ticket.facts and asked.since <= ticket.opened_at < asked.until:
                answer.add_ticket(ticket.ticket_id, ticket.number, ticket.facts, against)
    return answer


def _instant(name: str, text: str, policy: Policy) -> datetime:
    """A date begins with its midnight in the desk's zone. Raises CommandError."""
    try:
        if len(text) == len("2026-01-31"):
            midnight = datetime.combine(date.fromisoformat(text), time(), policy.zone)
            return midnight.astimezone(UTC)
        instant = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as error:
        message = f"{name} {text} is neither a date, like 2026-01-31, nor an instant,"
        raise cli.CommandError(f"{message} like 2026-01-31T09:00:00Z") from error
    if instant.tzinfo is None:
        raise cli.CommandError(f"{name} {text} has no offset from UTC; add one, like {text}Z")
    return instant.astimezone(UTC)


async def _answered(asked: Question) -> Answer:
    try:
        pool = await open_pool(
            endpoints.service_dsn("sla"), application_name="pledge-what-if", size=1, min_size=1
        )
        async with pool, pool.acquire() as connection:
            await connection.execute(READ_ONLY)
            with progress_bar("tickets") as progress:
                return await replay(connection, Policies(), asked, progress)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise cli.CommandError(f"the database of sla can't be read: {error}") from error
    except (DeskFileError, UnknownVersion) as error:
        raise cli.CommandError(f"a version that tickets are under: {error}") from error


def _show(answer: Answer) -> None:
    found = answer.json()
    rows = [
        (
            each["metric"], each["severity"], _share(each["then"]), _share(each["now"]),
            _of(each["then"]), _of(each["now"]),
        )
        for each in found["attainment"]
    ]  # fmt: skip
    tables.show(
        ("metric", "severity", "then", "now", "kept then", "kept now"),
        rows,
        nothing=f"{found['desk']} has no ticket with a promise since {found['since']}",
        title=f"{found['desk']}, {found['tickets']} tickets opened from {found['since']}",
    )
    typer.echo(
        f"{found['new_breaches']} breaches would be new, {found['avoided_breaches']} avoided."
    )
    if not found["breaches"]:
        return
    names = ("number", "metric", "what", "due_then", "due_now")
    rows = [tuple(each[name] for name in names) for each in found["breaches"]]
    tables.show(("ticket", "metric", "breach", "due then", "due now"), rows, nothing="")
    if not found["is_complete"]:
        typer.echo("only the first are listed")


def _share(figures: dict[str, Any] | None) -> str:
    if figures is None or figures["attainment"] is None:
        return "-"
    return f"{figures['attainment']:.1%}"


def _of(figures: dict[str, Any] | None) -> str:
    return "-" if figures is None else f"{figures['kept']} of {figures['kept'] + figures['missed']}"
