"""One of the stack's HTTP processes: start it, wait until it is ready, say why it isn't."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import httpx

from pledge.runtime.clock import Clock
from pledge_local.errors import LocalError
from pledge_local.processes import Child

READY_WITHIN = timedelta(seconds=60)
BETWEEN_LOOKS = timedelta(milliseconds=100)
# A service finishes the work in its hands and drains its outbox.
STOPS_WITHIN = 25.0


class Ended(LocalError):
    """A process that should run has ended: names it and shows the end of its log."""

    def __init__(self, child: Child, *, while_starting: bool = False) -> None:
        self.child = child
        code = child.exit_code()
        how = f"was killed by signal {-code}" if code and code < 0 else f"ended with code {code}"
        when = " while starting" if while_starting else ""
        tail = "\n".join(f"  {readable(line)}" for line in child.last_lines())
        super().__init__(
            f"{child.name} {how}{when}. Its last lines:\n{tail}", f"Its whole log is {child.log}."
        )


def readable(line: str) -> str:
    """A structured log line as a person reads it; any other line as it is."""
    try:
        entry = json.loads(line)
        start = f"{entry['time']} {entry['level']:<8} {entry['message']}"
    except (ValueError, KeyError, TypeError):
        return line
    known = ("time", "level", "message", "service", "logger", "exception")
    rest = " ".join(f"{name}={value}" for name, value in entry.items() if name not in known)
    trace = str(entry.get("exception", "")).strip().splitlines()[-1:]
    return " ".join(part for part in (start, rest, *trace) if part)


def start_module(module: str, name: str, log: Path, environment: Mapping[str, str]) -> Child:
    """Start `python -m module` as the process `name`."""
    return Child(name, [sys.executable, "-m", module], log, environment=environment)


async def wait_until_ready(child: Child, url: str, clock: Clock) -> None:
    """Return once `url` answers that all is well. Raises LocalError when it doesn't in time."""
    deadline = clock.monotonic() + READY_WITHIN.total_seconds()
    reason = "it does not answer"
    async with httpx.AsyncClient(timeout=2, trust_env=False) as client:
        while clock.monotonic() < deadline:
            if child.exit_code() is not None:
                raise Ended(child, while_starting=True)
            try:
                answer = await client.get(url)
            except httpx.HTTPError:
                pass  # not listening yet
            else:
                if answer.status_code == httpx.codes.OK:
                    return
                reason = f"it says: {answer.text[:500]}"
            await clock.sleep(BETWEEN_LOOKS)
    raise LocalError(
        f"{child.name} is not ready after {READY_WITHIN.seconds} s; {reason}.",
        f"Its log is {child.log}.",
    )
