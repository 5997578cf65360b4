"""Waiting for what happens soon, without asserting how soon."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from pledge.runtime.clock import SystemClock

T = TypeVar("T")
PATIENCE = timedelta(seconds=30)
BETWEEN = timedelta(milliseconds=20)


async def eventually(
    probe: Callable[[], Awaitable[T]], *, within: timedelta = PATIENCE, what: str = "it"
) -> T:
    """Ask `probe` again and again until its answer is true, and return that answer.

    An AssertionError of the probe counts as "not yet". Fails, with the last one, after `within`.
    """
    clock = SystemClock()
    deadline = clock.monotonic() + within.total_seconds()
    while True:
        last: AssertionError | None = None
        try:
            if answer := await probe():
                return answer
        except AssertionError as error:
            last = error
        if clock.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {within}") from last
        await clock.sleep(BETWEEN)
