"""Work that several ask for at the same moment, done once for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Gives each who asks the outcome of work that begins after the question.

    While work on a key is going on, whoever asks for it waits for one more round, which all of
    them share: so there are never more than two rounds of a key, however many ask.
    """

    def __init__(self) -> None:
        self._going_on: dict[Hashable, asyncio.Task[T]] = {}
        self._next: dict[Hashable, asyncio.Task[T]] = {}

    async def get(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        """The outcome of `work`, or of that of another who asked for `key`. Raises as it does."""
        task = self._next.get(key)
        if task is None:
            task = self._next[key] = asyncio.create_task(self._do(key, work))
        # One who no longer waits must not take it from the others.
        return await asyncio.shield(task)

    async def _do(self, key: Hashable, work: Callable[[], Awaitable[T]]) -> T:
        while (before := self._going_on.get(key)) is not None:
            await asyncio.wait({before})
        self._going_on[key] = self._next.pop(key)
        try:
            return await work()
        finally:
            del self._going_on[key]
