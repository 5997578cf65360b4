"""A stack in the background: start it, wait for it, stop it."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections import deque
from pathlib import Path

import psutil
from rich.console import Console

from pledge.runtime.clock import Clock
from pledge_local import jars, preflight
from pledge_local.errors import LocalError
from pledge_local.home import Home
from pledge_local.plan import Plan
from pledge_local.processes import still_there
from pledge_local.runner import address_table
from pledge_local.steps import Steps

MOST_LINES = 60  # that a runner's reason to end has
LOOK_SECONDS = 0.1
STOPS_WITHIN = 60.0


def start(plan: Plan, console: Console, clock: Clock) -> int:
    """Start `pledge up` as a process of its own and return when it is ready: 0, or its status."""
    home = plan.home
    home.prepare()
    with home.held():
        # Said here rather than in a log file, as far as it can be known now.
        preflight.check(plan)
        _download(plan, console, clock)
    log = home.log("up")
    log.write_bytes(b"")
    with log.open("ab") as output:
        runner = subprocess.Popen(
            [
                *(sys.executable, "-m", "pledge_local", "up"),
                *("--home", str(home.folder), "--port-base", str(plan.ports.base)),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        status = _follow(runner, home, log, console)
    except KeyboardInterrupt:
        runner.terminate()
        runner.wait(STOPS_WITHIN)
        console.print("Stopped.")
        return 0
    if status == 0:
        console.print(address_table(home))
        console.print(
            f"Runs in the background as process {runner.pid}; addresses and a token are in"
            f" {home.stack_file}. `{home.command()} down` stops it.",
            soft_wrap=True,
        )
    return status


def stop(home: Home, console: Console, clock: Clock) -> None:
    """Ask the runner to stop and wait until it is gone. Raises LocalError when it hangs."""
    pid = home.runner()
    if pid is None:
        console.print(f"Nothing runs in {home.folder}.", soft_wrap=True)
        return
    with Steps(console, clock) as steps, steps.step(f"Stopped process {pid}"):
        try:
            process = psutil.Process(pid)
            process.send_signal(signal.SIGTERM)
        except psutil.NoSuchProcess:
            return  # it went by itself meanwhile
        except psutil.AccessDenied as error:
            raise LocalError(
                f"Process {pid} belongs to somebody else.", "Ask them to stop it."
            ) from error
        if still_there([process], STOPS_WITHIN):
            raise LocalError(
                f"Process {pid} still runs after {STOPS_WITHIN:.0f} s.",
                f"Look at {home.logs}, or end it and all its children with `kill -9 {pid}`.",
            )


def _download(plan: Plan, console: Console, clock: Clock) -> None:
    wanted = jars.missing(jars.locked(), jars.cache()) if plan.kafka is None else []
    if not wanted:
        return
    size = sum(jar.size for jar in wanted)
    with Steps(console, clock) as steps, steps.download("Downloading Kafka", size) as advance:
        asyncio.run(jars.fetch(wanted, jars.cache(), advance))


def _follow(runner: subprocess.Popen[bytes], home: Home, log: Path, console: Console) -> int:
    """Repeat what the runner says until it is ready (0) or has ended (its status).

    Its steps are shown as they come; when it ends, also what it said after the last of them: why.
    """
    why: deque[str] = deque(maxlen=MOST_LINES)
    with log.open(encoding="utf-8", errors="replace") as said:
        while True:
            status = runner.poll()
            is_ready = home.stack_file.exists()
            for line in said:
                if line.startswith(("✔", "…", "✘")):
                    why.clear()
                    console.print(line.rstrip(), markup=False, soft_wrap=True)
                else:
                    why.append(line.rstrip())
            if status is not None:
                for line in why:
                    console.print(line, markup=False, soft_wrap=True)
                return status or 1
            if is_ready and home.runner() == runner.pid:
                return 0
            time.sleep(LOOK_SECONDS)
