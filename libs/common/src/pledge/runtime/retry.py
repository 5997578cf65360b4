"""Retries while the database or the broker is away, with bounded backoff."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from pledge.runtime.clock import Clock, SystemClock
from pledge.runtime.postgres.errors import is_retriable

T = TypeVar("T")

# A database that is away is asked again after 0.1 s, 0.2 s, … and then every 5 s.
FIRST_BACKOFF = timedelta(milliseconds=100)
LONGEST_BACKOFF = timedelta(seconds=5)


async def retry_while_away(
    call: Callable[[], Awaitable[T]],
    *,
    on_retry: Callable[[BaseException], None],
    give_up: Callable[[], bool] = lambda: False,
    passing: tuple[type[BaseException], ...] = (),
    clock: Clock | None = None,
) -> T:
    """Repeat `call` until it succeeds, backing off while the database or the broker is away.

    A call that ran for longer than the longest backoff before it failed had begun to work: after
    it, the waits begin again with the shortest. Outages do not follow a clock that a test moves,
    so waits pass in real time unless `clock` is given.
    Errors of the types in `passing` count as passing faults in addition to those of the database.
    Raises what `call` raised when that is no passing fault, or once `give_up` says so.
    """
    clock = clock or SystemClock()
    wait = FIRST_BACKOFF
    while True:
        started = clock.monotonic()
        try:
            return await call()
        except Exception as error:
            if not (is_retriable(error) or isinstance(error, passing)) or give_up():
                raise
            on_retry(error)
        if clock.monotonic() - started > LONGEST_BACKOFF.total_seconds():
            wait = FIRST_BACKOFF
        await clock.sleep(wait)
        wait = min(wait * 2, LONGEST_BACKOFF)
