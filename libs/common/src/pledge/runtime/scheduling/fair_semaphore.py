"""A weighted fair semaphore: a bounded number of holders at a time, shared fairly by key."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(order=True, slots=True)
class _Waiter:
    """One who waits; the lowest goes first."""

    finish: float
    order: int
    start: float = field(compare=False)
    is_small: bool = field(compare=False)
    admitted: asyncio.Future[None] = field(compare=False)


class FairSemaphore:
    """At most `at_once` holders at a time; waiters go by how much their key has had.

    Weighted fair queueing: a waiter is stamped with where its key would be if all keys advanced
    at the same pace, and the lowest stamp goes first. A key that was idle is stamped as of now
    and overtakes one that asks for much; no waiter starves, since stamps only grow.

    `kept_for_small` of the slots are reserved for a size up to `small`, which is done before
    other waiters notice.
    """

    def __init__(self, at_once: int, *, kept_for_small: int = 0, small: float = 0) -> None:
        if not 0 <= kept_for_small < at_once:
            raise ValueError(f"{kept_for_small} of {at_once} slots leave none for large ones")
        self._free = at_once
        self._at_once = at_once
        self._free_for_large = at_once - kept_for_small
        self._small = small
        self._small_waiting: list[_Waiter] = []
        self._large_waiting: list[_Waiter] = []
        self._order = itertools.count()
        self._reached: dict[Hashable, float] = {}
        self._now = 0.0

    @asynccontextmanager
    async def slot(self, key: Hashable, size: float) -> AsyncIterator[None]:
        """Hold a slot for `key`, which does `size` in it."""
        waiter = self._enqueue(key, size)
        try:
            await waiter.admitted
            yield
        finally:
            if waiter.admitted.done() and not waiter.admitted.cancelled():
                self._free += 1
                self._free_for_large += not waiter.is_small
            self._admit()

    def _enqueue(self, key: Hashable, size: float) -> _Waiter:
        start = max(self._now, self._reached.get(key, 0.0))
        self._reached[key] = start + size
        admitted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        is_small = size <= self._small
        waiter = _Waiter(start + size, next(self._order), start, is_small, admitted)
        heapq.heappush(self._small_waiting if is_small else self._large_waiting, waiter)
        self._admit()
        return waiter

    def _admit(self) -> None:
        while self._free and (waiter := self._next()) is not None:
            self._now = max(self._now, waiter.start)
            self._free -= 1
            self._free_for_large -= not waiter.is_small
            waiter.admitted.set_result(None)
        if self._free == self._at_once:
            # No holder and no waiter: all keys are even again.
            self._reached.clear()
            self._now = 0.0

    def _next(self) -> _Waiter | None:
        """Take the next waiter out of the queues; None when none may go."""
        for waiting in (self._small_waiting, self._large_waiting):
            while waiting and waiting[0].admitted.done():
                heapq.heappop(waiting)  # cancelled while it waited
        queues = [self._small_waiting]
        if self._free_for_large > 0:
            queues.append(self._large_waiting)
        first = min((queue for queue in queues if queue), key=lambda each: each[0], default=None)
        return heapq.heappop(first) if first is not None else None
