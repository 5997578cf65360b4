"""One stack in the foreground, from start to stop."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import Any

from rich.console import Console
from rich.table import Table

from pledge.runtime.clock import Clock
from pledge_local import demo, preflight
from pledge_local.errors import LocalError
from pledge_local.home import Home
from pledge_local.plan import Plan
from pledge_local.stack import Stack
from pledge_local.steps import Steps

INTERRUPTED = 130
DIED = 1
REFUSED = 2

PURPOSES = {
    "intake": "tickets, cases, agents' API",
    "sla": "timers, breaches, explanations",
    "notify": "pages, deliveries, who is on call",
    "status": "status pages and their API",
    "sink": "shows every mail and webhook that Pledge sent",
}


async def run(plan: Plan, console: Console, clock: Clock, *, with_demo: bool) -> int:
    """Run the stack until a signal or a failure, and give the exit status.

    Raises LocalError when something is in the way; nothing is left running then.
    """
    plan.home.prepare()
    with plan.home.held():
        stack = Stack(plan, clock)
        stop = _on_signals(stack)
        preflight.check(plan)
        try:
            return await _serve(plan, stack, console, clock, stop, with_demo=with_demo)
        finally:
            with Steps(console, clock) as steps:
                await stack.stop(steps)


async def _serve(
    plan: Plan,
    stack: Stack,
    console: Console,
    clock: Clock,
    stop: asyncio.Event,
    *,
    with_demo: bool,
) -> int:
    stopping = asyncio.ensure_future(stop.wait())
    began = clock.monotonic()
    with Steps(console, clock) as steps:
        starting = asyncio.ensure_future(stack.start(steps))
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            stack.kill()
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return 0
        starting.result()
    console.print(address_table(plan.home))
    console.print(
        f"Ready after {clock.monotonic() - began:.1f} s. Addresses and a token are in"
        f" {plan.home.stack_file}. Ctrl-C stops everything.",
        soft_wrap=True,
    )
    watching = asyncio.ensure_future(stack.watch())
    work: set[asyncio.Future[Any]] = {stopping, watching}
    if with_demo:
        work.add(asyncio.ensure_future(_show_demo(plan.home, console, clock)))
    while not (stopping.done() or watching.done()):
        done, work = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    for task in work:
        task.cancel()
    if watching.done():
        ended = watching.result()
        console.print(ended.problem, style="red", markup=False, soft_wrap=True)
        console.print(ended.remedy, soft_wrap=True)
        return DIED
    console.print("Stopping (Ctrl-C again kills).")
    return 0


async def _show_demo(home: Home, console: Console, clock: Clock) -> int:
    try:
        return await demo.show(home, console, clock)
    except LocalError as error:
        # It may end with lines of a log, which are shown as they are.
        console.print(error.problem, style="red", markup=False, soft_wrap=True)
        console.print(error.remedy, markup=False, soft_wrap=True)
        return REFUSED


def _on_signals(stack: Stack) -> asyncio.Event:
    """The first signal asks for a stop in order; the second one ends everything at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def asked() -> None:
        if stop.is_set():
            stack.kill()
            os._exit(INTERRUPTED)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, asked)
    return stop


def address_table(home: Home) -> Table:
    """Where everything is, for a person."""
    stack = home.stack() or {}
    table = Table(title="Pledge runs", title_justify="left", title_style="bold")
    for heading in ("what", "address", "for"):
        table.add_column(heading, overflow="fold")
    for name, purpose in PURPOSES.items():
        table.add_row(name, stack.get(name, {}).get("url", ""), purpose)
    table.add_row("intake smtp", stack.get("intake", {}).get("smtp", ""), "mail in")
    table.add_row("sink smtp", stack.get("sink", {}).get("smtp", ""), "mail out, kept by the sink")
    servers = stack.get("kafka", {}).get("bootstrap_servers", "")
    table.add_row("kafka", servers, f"logs: {home.logs}")
    return table
