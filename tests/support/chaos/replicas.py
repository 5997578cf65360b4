"""One process of a service: started, killed, frozen, thawed, stopped."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import httpx

from pledge.runtime.clock import SystemClock
from pledge_local.processes import Child
from support.asking import asker

STOPS_WITHIN = 30.0


class UnexpectedEnd(AssertionError):
    """A process ended without having been stopped."""


class Replica:
    """`python -m <service>` with its environment; may be started many times."""

    def __init__(
        self,
        service: str,
        label: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        *,
        port: int,
        log: Path,
    ) -> None:
        self.service = service
        self.label = label
        self.url = f"http://127.0.0.1:{port}"
        self.kills = 0
        self._command = [sys.executable, "-X", "faulthandler", *command]
        self._environment = dict(environment)
        self._log = log
        self._child: Child | None = None
        self._is_frozen = False

    @property
    def is_running(self) -> bool:
        """Whether it was started and not ended by us."""
        return self._child is not None

    def start(self) -> None:
        """Start it; does not wait until it is ready."""
        if self._child is None:
            self._child = Child(self.label, self._command, self._log, environment=self._environment)

    async def kill(self) -> None:
        """Kill -9."""
        if self._child is not None:
            child, self._child = self._child, None
            self._is_frozen = False
            self.kills += 1
            await asyncio.to_thread(child.kill)

    async def stop(self) -> int:
        """SIGTERM, and wait for the end; gives the exit status. Fails when it has to be killed."""
        if self._child is None:
            return 0
        self.thaw()
        child, self._child = self._child, None
        child.terminate(signal.SIGTERM)
        if not await asyncio.to_thread(child.wait, STOPS_WITHIN):
            await asyncio.to_thread(child.kill)
            raise UnexpectedEnd(
                f"{self.label} did not stop within {STOPS_WITHIN} s:\n{self._tail(child)}"
            )
        return child.exit_code() or 0

    def freeze(self) -> None:
        """SIGSTOP: its connections stay open and nothing moves."""
        if self._child is not None:
            self._child.terminate(signal.SIGSTOP)
            self._is_frozen = True

    def thaw(self) -> None:
        """SIGCONT."""
        if self._child is not None and self._is_frozen:
            self._child.terminate(signal.SIGCONT)
            self._is_frozen = False

    def check(self) -> None:
        """Raise UnexpectedEnd when it ended by itself."""
        if self._child is not None and (code := self._child.exit_code()) is not None:
            raise UnexpectedEnd(
                f"{self.label} ended by itself with {code}:\n{self._tail(self._child)}"
            )

    async def ready(self, within: timedelta) -> None:
        """Wait until `readyz` succeeds. Raises UnexpectedEnd when it isn't in time."""
        clock = SystemClock()
        deadline = clock.monotonic() + within.total_seconds()
        last_answer = "it does not answer"
        async with asker() as client:
            while clock.monotonic() < deadline:
                self.check()
                try:
                    answer = await client.get(f"{self.url}/readyz")
                    if answer.is_success:
                        return
                    last_answer = answer.text
                except httpx.HTTPError:
                    pass  # not listening yet
                await clock.sleep(timedelta(milliseconds=50))
        raise UnexpectedEnd(
            f"{self.label} is not ready after {within}: {last_answer}\n{self.tail()}"
        )

    def tail(self) -> str:
        """The end of its log."""
        return self._tail(self._child) if self._child is not None else ""

    def _tail(self, child: Child) -> str:
        return "\n".join(f"    {_shortened(line)}" for line in child.last_lines(12))


def _shortened(line: str) -> str:
    """Of a long line, such as one with an exception, its beginning and its end."""
    return line if len(line) < 900 else f"{line[:200]} … {line[-700:]}"
