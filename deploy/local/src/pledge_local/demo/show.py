"""Runs the five contacts side by side and ends with what happened."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from pledge.runtime.clock import Clock
from pledge.runtime.config.settings import KafkaSettings, load_settings
from pledge.runtime.ids import SystemIds
from pledge_local.demo import lanes
from pledge_local.demo.observer import Observer
from pledge_local.demo.reporter import NotHappened, Reporter
from pledge_local.demo.world import DESK, World
from pledge_local.errors import LocalError
from pledge_local.home import Home
from pledge_local.ports import SERVICES

LANES: tuple[Callable[[World], Awaitable[None]], ...] = (
    lanes.urgent_mail,
    lanes.mail,
    lanes.voicemail,
    lanes.chat,
    lanes.portal,
)
_OWN_COMMAND = Path(sys.executable).with_name("pledge")


async def show(home: Home, console: Console, clock: Clock) -> int:
    """Run the demo on the stack of `home`: 0 when every step happened, else 1."""
    stack = home.stack()
    if stack is None:
        raise LocalError(f"No stack runs in {home.folder}.", "Start one with `pledge up`.")
    reporter = Reporter(console, clock)
    console.print("\n[bold]The demo[/]: five contacts arrive at once, one of them is critical.")
    headers = {"authorization": f"Bearer {stack['token']}"}
    observer = Observer(_kafka(stack), stack["sink"]["url"], clock)
    async with httpx.AsyncClient(headers=headers, trust_env=False) as client, observer:
        world = World(
            mark=SystemIds(clock).new().hex[-8:],
            smtp=stack["intake"]["smtp"],
            urls={name: stack[name]["url"] for name in SERVICES},
            client=client,
            observer=observer,
            reporter=reporter,
            clock=clock,
        )
        # Of a demo that was broken off: the next incident would only join it.
        await world.resolve_incidents("status page")
        await asyncio.gather(*(_lane(lane, world) for lane in LANES))
    _summarise(console, reporter, stack, home)
    return 1 if reporter.missing else 0


async def _lane(lane: Callable[[World], Awaitable[None]], world: World) -> None:
    # Told already, and counted in the summary.
    with contextlib.suppress(NotHappened):
        await lane(world)


def _kafka(stack: dict[str, Any]) -> KafkaSettings:
    """The stack's brokers, with what the environment says of TLS and SASL."""
    servers = stack["kafka"]["bootstrap_servers"]
    return load_settings(KafkaSettings, {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": servers})


def _summarise(console: Console, reporter: Reporter, stack: dict[str, Any], home: Home) -> None:
    console.print()
    console.print(reporter.summary())
    if reporter.missing:
        console.print(f"[red]{len(reporter.missing)} steps did not happen:[/]")
        for step in reporter.missing:
            console.print(f"  {step.lane}: {step.text}", style="red", markup=False, soft_wrap=True)
        return
    program = "pledge" if shutil.which("pledge") else os.path.relpath(_OWN_COMMAND)
    command = home.command(program)
    console.print(
        "[green]Every step happened.[/] What to try next:\n"
        f"  tickets        {stack['intake']['url']}/\n"
        f"  promises       {stack['sla']['url']}/\n"
        f"  pages          {stack['notify']['url']}/\n"
        f"  status page    {stack['status']['url']}/{DESK}/\n"
        f"  mails, pages   {stack['sink']['url']}/\n"
        f"  sign in with   {command} token create me --desk '*' --role admin\n"
        f"  why it broke   {command} sla explain {reporter.ticket}\n"
        f"  once more      {command} demo",
        soft_wrap=True,
    )
