"""`pledge up`, `pledge down` and `pledge demo`."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Annotated

import typer

from pledge.runtime.cli.root import console
from pledge.runtime.clock import SystemClock
from pledge_local import demo as demo_run
from pledge_local import detached
from pledge_local.errors import LocalError
from pledge_local.home import home_of
from pledge_local.plan import make_plan
from pledge_local.ports import DEFAULT_BASE
from pledge_local.runner import run

HomeOption = Annotated[
    Path | None,
    typer.Option(
        help="The stack's folder: data, logs, addresses.",
        envvar="PLEDGE_HOME",
        show_default=".pledge",
    ),
]


# What its clients can't do comes as an exception; their warnings would only stand in between.
logging.getLogger("aiokafka").addHandler(logging.NullHandler())


def up(
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when all is ready; stop it with `pledge down`.")
    ] = False,
    port_base: Annotated[
        int, typer.Option(help="The first of nine ports in a row.", envvar="PLEDGE_PORT_BASE")
    ] = DEFAULT_BASE,
    demo: Annotated[
        bool, typer.Option("--demo/--no-demo", help="Show the demo when all is ready.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Start Kafka, PostgreSQL, the four services and the sink, until Ctrl-C.

    KAFKA_BOOTSTRAP_SERVERS (with KAFKA_* for TLS and SASL) and PLEDGE_<SERVICE>_DSN (with
    PLEDGE_<SERVICE>_OWNER_DSN for migrations) use existing clusters instead of starting them.

    Exit status: 0 after a stop, 1 when something ended by itself, 2 when it could not start.
    """
    chosen = home_of(home)
    plan = make_plan(chosen, port_base)
    if detach:
        status = detached.start(plan, console(markup=True), SystemClock())
        if status == 0 and demo:
            status = asyncio.run(demo_run.show(chosen, console(markup=True), SystemClock()))
    else:
        status = asyncio.run(run(plan, console(markup=True), SystemClock(), with_demo=demo))
    raise typer.Exit(status)


def down(home: HomeOption = None) -> None:
    """Stop the stack of this folder and wait until nothing of it runs."""
    detached.stop(home_of(home), console(markup=True), SystemClock())


def demo(home: HomeOption = None) -> None:
    """Send mails, a call, a chat and a form to the running stack, and watch what becomes of them.

    Exit status: 0 when every step happened, 1 when one did not, 2 when no stack runs.
    """
    chosen = home_of(home)
    if chosen.stack() is None:
        raise LocalError(
            f"No stack runs in {chosen.folder}.", "Start one with `pledge up` or `make run`."
        )
    raise typer.Exit(asyncio.run(demo_run.show(chosen, console(markup=True), SystemClock())))
