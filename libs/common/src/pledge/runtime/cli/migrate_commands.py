"""`pledge migrate`: apply schema migrations to the services' databases."""

from __future__ import annotations

import asyncio
import os
from importlib.metadata import entry_points
from typing import Annotated

import asyncpg
import typer

from pledge.runtime.cli import root as cli
from pledge.runtime.postgres.migrations import SchemaMismatch, Step, migrate
from pledge.runtime.service.description import SERVICES_GROUP, ServiceDescription

app = typer.Typer(help="Apply schema migrations.", no_args_is_help=False)


def installed_services() -> dict[str, ServiceDescription]:
    """The services whose distributions are installed here, by name."""
    found = {}
    for entry in entry_points(group=SERVICES_GROUP):
        description = entry.load()
        found[description.name] = description
    return dict(sorted(found.items()))


@app.callback(invoke_without_command=True)
def migrate_databases(
    service: Annotated[
        list[str] | None, typer.Option(help="Only this service; may be given several times.")
    ] = None,
) -> None:
    """Apply the migrations that a service's database does not have yet.

    The database is the one in PLEDGE_<SERVICE>_OWNER_DSN, or in PLEDGE_<SERVICE>_DSN where the
    service's own role owns its tables. Running it twice, or from two places at once, is safe.

    Example: PLEDGE_SLA_OWNER_DSN=postgresql://sla_owner@db/sla pledge migrate --service sla
    """
    console = cli.console()
    services = installed_services()
    for name in service or list(services):
        if name not in services:
            console.print(f"There is no service {name}; there are: {', '.join(services)}")
            raise typer.Exit(2)
        console.print(_migrate_one(services[name]), highlight=False, soft_wrap=True)


def _migrate_one(description: ServiceDescription) -> str:
    name = description.name
    variable = f"PLEDGE_{name.upper()}_DSN"
    dsn = os.environ.get(f"PLEDGE_{name.upper()}_OWNER_DSN") or os.environ.get(variable)
    if not dsn:
        typer.echo(f"{name}: set {variable} to its database, postgresql://…", err=True)
        raise typer.Exit(2)
    try:
        applied: list[Step] = asyncio.run(migrate(dsn, description.migrations))
    except (SchemaMismatch, OSError, asyncpg.PostgresError) as error:
        typer.echo(f"{name}: {error}", err=True)
        raise typer.Exit(1) from error
    if not applied:
        return f"{name}: up to date"
    return f"{name}: applied " + ", ".join(
        f"{step.component} {step.version:04}_{step.name}" for step in applied
    )
