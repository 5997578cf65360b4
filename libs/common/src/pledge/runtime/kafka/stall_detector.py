"""Notices a consumer that stands still although there is something to read.

Whatever the cause (a task of the client that died, an answer that never comes, a lock that nobody
gives back), the way out is the same: let go of everything and join the group anew. What every task
was waiting for is told, so that the cause can be found afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from datetime import timedelta
from typing import NoReturn, Protocol

import structlog

from pledge.runtime.clock import SystemClock

LOOK_INTERVAL = timedelta(seconds=2)
# A line of the log holds no more: a service has some dozens of tasks.
MOST_TASKS_TOLD = 100

log = structlog.get_logger()


class StandsStill(Exception):
    """There is something to do, and for too long nothing was done."""


class Watched(Protocol):
    """What is asked of a consumer."""

    def sign(self) -> Hashable:
        """Something that changes with every step forward."""
        ...

    async def has_work(self) -> bool:
        """Whether there is something to do that nobody outside of this process hinders."""
        ...


async def raise_on_standstill(watched: Watched, limit: Callable[[], timedelta]) -> NoReturn:
    """Look from time to time, until cancelled. Raises StandsStill after `limit` without a step."""
    clock = SystemClock()
    since, before = clock.monotonic(), watched.sign()
    while True:
        await clock.sleep(LOOK_INTERVAL)
        # Asked first: to answer may take as long as a request to the broker.
        has_work, sign = await watched.has_work(), watched.sign()
        if sign != before or not has_work:
            since, before = clock.monotonic(), sign
        elif (lasts := clock.monotonic() - since) > limit().total_seconds():
            log.error(
                "consumption stands still, joining the group anew",
                seconds=round(lasts),
                tasks=what_tasks_wait_for(),
            )
            raise StandsStill(f"nothing was done for {lasts:.0f} s")


def what_tasks_wait_for() -> list[str]:
    """For each task of the running loop, where it is: the innermost line last."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    told = (f"{each.get_name()}: {' > '.join(_lines(each.get_coro()))}" for each in others)
    return sorted(told)[:MOST_TASKS_TOLD]


def _lines(awaited: object) -> list[str]:
    """The lines at which a chain of awaits stands; what is no coroutine ends it by its name."""
    lines: list[str] = []
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "ag_frame", None)
        if frame is None:
            return [*lines, type(awaited).__name__]
        code = frame.f_code
        lines.append(f"{code.co_qualname} ({code.co_filename.rpartition('/')[2]}:{frame.f_lineno})")
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "ag_await", None)
    return lines
