"""Retries while the database or the broker is away, with bounded backoff."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from pledge.runtime.clock import SystemClock
from pledge.runtime.postgres.pool import is_retriable

T = TypeVar("T")


# A database that is away is asked again after 0.1 s, 0.2 s, … and then every 5 s.
FIRST_BACKOFF = timedelta(milliseconds=100)


LONGEST_BACKOFF = timedelta(seconds=5)


async def retry_while_away(
    work: Callable[[], Awaitable[T]],
    *,
    on_retry: Callable[[BaseException], None],
    give_up: Callable[[], bool] = lambda: False,
    passing: tuple[type[BaseException], ...] = (),
) -> T:
    """Do `work` until it succeeds, backing off while the database or the broker is away.

    It waits in real time: an outage does not follow a clock that a test moves.
    Errors of the types in `passing` count as passing faults beside those of the database.
    Raises what `work` raised when that is no passing fault, or once `give_up` says so.
    """
    wait = FIRST_BACKOFF
    while True:
        try:
            return await work()
        except Exception as error:
            if not (is_retriable(error) or isinstance(error, passing)) or give_up():
                raise
            on_retry(error)
        await SystemClock().sleep(wait)
        wait = min(wait * 2, LONGEST_BACKOFF)
