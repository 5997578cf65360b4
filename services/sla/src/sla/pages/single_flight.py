"""Deduplicates concurrent calls: one computation, shared by all who wait for it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs one call per key for all concurrent callers; each gets a result computed after it asked.

    While a call for a key is running, further callers wait for one more call, which they share: so
    there are never more than two calls of a key, however many callers.
    """

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[T]] = {}
        self._next: dict[Hashable, asyncio.Task[T]] = {}

    async def get(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        """The result of `call`, or of another caller's for `key`. Raises what the call raises."""
        task = self._next.get(key)
        if task is None:
            task = self._next[key] = asyncio.create_task(self._run(key, call))
        # A caller that is cancelled must not cancel it for the others.
        return await asyncio.shield(task)

    async def _run(self, key: Hashable, call: Callable[[], Awaitable[T]]) -> T:
        while (before := self._running.get(key)) is not None:
            await asyncio.wait({before})
        self._running[key] = self._next.pop(key)
        try:
            return await call()
        finally:
            del self._running[key]
