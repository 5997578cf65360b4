"""Turns at work that only so many may do at a time, shared out fairly among parties."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass(order=True, slots=True)
class _Asked:
    """Somebody who waits; the lowest goes first."""

    finish: float
    order: int
    start: float = field(compare=False)
    is_small: bool = field(compare=False)
    let_in: asyncio.Future[None] = field(compare=False)


class FairTurns:
    """At most `at_once` turns at a time; who waits goes by how much its party has had.

    Weighted fair queueing: a turn is stamped with where its party would be if all parties went on
    at the same pace, and the lowest stamp goes first. A party that was quiet is stamped as of now
    and overtakes one that asks for much; nobody waits for ever, since stamps only grow.

    `kept_for_small` of the turns are left to work of a size up to `small`, which is done before
    others can be missed.
    """

    def __init__(self, at_once: int, *, kept_for_small: int = 0, small: float = 0) -> None:
        if not 0 <= kept_for_small < at_once:
            raise ValueError(f"{kept_for_small} of {at_once} turns leave none for large work")
        self._free = at_once
        self._at_once = at_once
        self._free_for_large = at_once - kept_for_small
        self._small = small
        self._small_waiting: list[_Asked] = []
        self._large_waiting: list[_Asked] = []
        self._order = itertools.count()
        self._reached: dict[Hashable, float] = {}
        self._now = 0.0

    @asynccontextmanager
    async def turn(self, party: Hashable, size: float) -> AsyncIterator[None]:
        """A turn for `party`, which has `size` of work to do in it."""
        asked = self._ask(party, size)
        try:
            await asked.let_in
            yield
        finally:
            if asked.let_in.done() and not asked.let_in.cancelled():
                self._free += 1
                self._free_for_large += not asked.is_small
            self._let_in()

    def _ask(self, party: Hashable, size: float) -> _Asked:
        start = max(self._now, self._reached.get(party, 0.0))
        self._reached[party] = start + size
        let_in: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        is_small = size <= self._small
        asked = _Asked(start + size, next(self._order), start, is_small, let_in)
        heapq.heappush(self._small_waiting if is_small else self._large_waiting, asked)
        self._let_in()
        return asked

    def _let_in(self) -> None:
        while self._free and (asked := self._next()) is not None:
            self._now = max(self._now, asked.start)
            self._free -= 1
            self._free_for_large -= not asked.is_small
            asked.let_in.set_result(None)
        if self._free == self._at_once:
            # Nobody is at work or waits: all parties are even again.
            self._reached.clear()
            self._now = 0.0

    def _next(self) -> _Asked | None:
        """Take who goes next from those who wait; None when nobody may."""
        for waiting in (self._small_waiting, self._large_waiting):
            while waiting and waiting[0].let_in.done():
                heapq.heappop(waiting)  # whoever asked has gone
        queues = [self._small_waiting]
        if self._free_for_large > 0:
            queues.append(self._large_waiting)
        first = min((queue for queue in queues if queue), key=lambda each: each[0], default=None)
        return heapq.heappop(first) if first is not None else None
