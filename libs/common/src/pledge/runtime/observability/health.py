"""Liveness, startup and readiness of the process, derived from what its components do."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pledge.runtime.clock import Clock

# A component that says nothing for this long hangs, unless it was given a bound of its own.
DEFAULT_BOUND = timedelta(seconds=60)
# Kubernetes gives a probe one second by default.
CHECK_TIMEOUT = timedelta(milliseconds=800)

Check = Callable[[], Awaitable[str | None]] | Callable[[], str | None]
"""Gives None when all is well, else the reason why not; it may raise for the same."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The state of one component or check; `reason` is None when it is well."""

    name: str
    reason: str | None

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.reason is None


class Health:
    """Collects signs of progress (liveness) and checks (readiness) of one service instance."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._bounds: dict[str, timedelta] = {}
        self._progress: dict[str, datetime] = {}
        self._checks: dict[str, Check] = {}
        self._has_started = False

    def watch(self, component: str, within: timedelta = DEFAULT_BOUND) -> Callable[[], None]:
        """Expect progress of `component` at least every `within`, from now on.

        Gives the function to call at each step; a component has to call it when idle, too.
        """
        self._bounds[component] = within
        self.progress(component)
        return lambda: self.progress(component)

    def progress(self, component: str) -> None:
        """`component` has just done a step."""
        self._bounds.setdefault(component, DEFAULT_BOUND)
        self._progress[component] = self._clock.now()

    def forget(self, component: str) -> None:
        """`component` was stopped in an orderly way: its silence means nothing."""
        self._bounds.pop(component, None)
        self._progress.pop(component, None)

    def require(self, name: str, check: Check) -> None:
        """Be ready only while `check` finds nothing wrong."""
        self._checks[name] = check

    def started(self) -> None:
        """Everything is wired and running; before this, neither started nor ready."""
        self._has_started = True

    @property
    def has_started(self) -> bool:
        """Whether `started` was called."""
        return self._has_started

    def alive(self) -> list[Finding]:
        """A finding for each component that progress is expected of."""
        now = self._clock.now()
        return [self._liveness(component, now) for component in sorted(self._bounds)]

    async def ready(self) -> list[Finding]:
        """A finding for the start and for each check; the checks run side by side, bounded."""
        start = Finding("started", None if self._has_started else "the service is still starting")
        checks = [_run(name, check) for name, check in sorted(self._checks.items())]
        return [start, *await asyncio.gather(*checks)]

    def _liveness(self, component: str, now: datetime) -> Finding:
        silence = now - self._progress[component]
        bound = self._bounds[component]
        if silence <= bound:
            return Finding(component, None)
        silent, allowed = silence.total_seconds(), bound.total_seconds()
        return Finding(component, f"no progress for {silent:.0f} s, allowed {allowed:g} s")


async def _run(name: str, check: Check) -> Finding:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT.total_seconds()):
            result = check()
            reason = await result if inspect.isawaitable(result) else result
    except TimeoutError:
        reason = f"no answer within {CHECK_TIMEOUT.total_seconds():g} s"
    except Exception as error:  # whatever a check fails with is the reason of not being ready
        reason = str(error) or type(error).__name__
    return Finding(name, reason)
