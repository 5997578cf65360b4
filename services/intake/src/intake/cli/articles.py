"""`pledge intake articles`: the documentation that the portal offers."""

import asyncio
import os
from pathlib import Path
from typing import Annotated

import asyncpg
import typer

from intake.application.documentation import keep, read_documentation
from intake.desk_file.load import FILE_NAME, load_desk
from pledge.runtime.cli import root as cli
from pledge.runtime.clock import SystemClock
from pledge.runtime.postgres.pool import open_pool

app = typer.Typer(
    help="Documentation that is offered before a request is sent.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


@app.callback()
def articles() -> None:
    """Documentation that is offered before a request is sent."""


@app.command(epilog="Example:  pledge intake articles load --desk sightcall")
def load(
    desk: Annotated[str, typer.Option(help="The desk whose articles are read.")],
    desks: Annotated[
        Path | None, typer.Option(help="The folder of the desks; by default PLEDGE_INTAKE_DESKS.")
    ] = None,
) -> None:
    """Read a desk's articles from its folder, pages and sitemap, in the place of the former ones.

    The database is the one in PLEDGE_INTAKE_DSN. What can't be read is listed; if nothing can, the
    former articles stay.
    """
    folder = desks or Path(os.environ.get("PLEDGE_INTAKE_DESKS", "deploy/desks"))
    dsn = os.environ.get("PLEDGE_INTAKE_DSN")
    if not dsn:
        raise cli.CommandError("set PLEDGE_INTAKE_DSN to intake's database, postgresql://…")
    path = folder / desk / FILE_NAME
    known, problems = load_desk(path)
    if known is None:
        raise cli.CommandError("\n".join(str(each) for each in problems) or f"no desk at {path}")
    rules = known.documentation
    if rules is None:
        raise cli.CommandError(f"{path} has no section `documentation`")

    async def load_all() -> int:
        loaded = await read_documentation(rules, path.parent)
        for problem in loaded.problems:
            typer.echo(problem, err=True)
        if not loaded.articles:
            return 0
        pool = await open_pool(dsn, application_name="intake-articles", size=1)
        try:
            await keep(pool, known, loaded, SystemClock().now())
        finally:
            await pool.close()
        return len(loaded.articles)

    try:
        count = asyncio.run(load_all())
    except (OSError, asyncpg.PostgresError) as error:
        raise cli.CommandError(f"the articles can't be kept: {error}") from error
    if not count:
        raise cli.CommandError("no article could be read; the former ones stay")
    typer.echo(f"{desk}: {count} articles")
