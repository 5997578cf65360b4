"""`pledge sla what-if`: how promises would have been kept under another policy."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

import asyncpg
import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TaskID

from pledge.runtime.cli import endpoints, tables
from pledge.runtime.cli import root as cli
from pledge.runtime.cli.api_client import AsJson
from pledge.runtime.clock import SystemClock
from pledge.runtime.desk_file.problem import DeskFileError
from pledge.runtime.postgres.pool import open_pool
from sla.assessment.policy_registry import Policies, UnknownVersion
from sla.cli.client import load_policy_file
from sla.domain.policy.policy import Policy
from sla.reports.whatif import Answer, Question, replay

# Whoever waits for longer than this wants to see how long it will take.
SHOWN_AFTER = timedelta(seconds=2)
READ_ONLY = "SET default_transaction_read_only = on"


def what_if(
    policy: Annotated[Path, typer.Option(help="The other policy: a sla.yaml, or its folder.")],
    since: Annotated[
        str,
        typer.Option(help="Tickets opened from then on: a date, or ISO 8601."),
    ],
    until: Annotated[
        str | None, typer.Option(help="Tickets opened before, as they stood then; default: now.")
    ] = None,
    desk: Annotated[str | None, typer.Option(help="Whose history; default: the policy's.")] = None,
    as_json: AsJson = False,
) -> None:
    """Replay real history under another policy: attainment then and now, side by side.

    It reads the database of sla (PLEDGE_SLA_DSN, or the local stack's) and changes nothing.
    """
    found = load_policy_file(policy / "sla.yaml" if policy.is_dir() else policy)
    asked = Question(
        desk or found.desk,
        found,
        _instant("--since", since, found),
        _instant("--until", until, found) if until else SystemClock().now(),
    )
    if asked.since >= asked.until:
        raise cli.CommandError("--since must lie before --until")
    answer = asyncio.run(_answered(asked))
    if as_json:
        typer.echo(json.dumps(answer.json(), indent=2, ensure_ascii=False))
    else:
        _show(answer)


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
            with _progress() as progress:
                return await replay(connection, Policies(), asked, progress)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise cli.CommandError(f"the database of sla can't be read: {error}") from error
    except (DeskFileError, UnknownVersion) as error:
        raise cli.CommandError(f"a version that tickets are under: {error}") from error


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar, once it has lasted a while; on standard error."""
    shown = _Shown(cli.console(stderr=True), SystemClock().monotonic())
    try:
        yield shown.update
    finally:
        if shown.bar is not None:
            shown.bar.stop()


@dataclass(slots=True)
class _Shown:
    console: Console
    started: float
    bar: Progress | None = None
    task: TaskID | None = None

    def update(self, done: int, total: int) -> None:
        if self.bar is None:
            if SystemClock().monotonic() - self.started < SHOWN_AFTER.total_seconds():
                return
            columns = (*Progress.get_default_columns(), MofNCompleteColumn())
            self.bar = Progress(*columns, console=self.console)
            self.task = self.bar.add_task("tickets", total=total)
            self.bar.start()
        if self.task is not None:
            self.bar.update(self.task, completed=done, total=total)


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
