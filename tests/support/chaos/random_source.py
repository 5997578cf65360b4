"""Repeatable randomness: the same seed gives the same values."""

from __future__ import annotations

from collections.abc import MutableSequence, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from uuid import UUID

from pledge.runtime.testing import SeededIds, VirtualClock

T = TypeVar("T")
# Ids begin with the time in milliseconds; a fixed one makes them repeatable, too.
_EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class RandomSource:
    """All random values of a trial."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._ids = SeededIds(VirtualClock(_EPOCH), seed)

    def between(self, low: float, high: float) -> float:
        """A number in [low, high)."""
        return low + (high - low) * self._ids.jitter()

    def chance(self, share: float) -> bool:
        """True in about `share` of all draws."""
        return self._ids.jitter() < share

    def number(self, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int((high - low + 1) * self._ids.jitter())

    def one_of(self, choices: Sequence[T]) -> T:
        """One of `choices`."""
        return choices[int(len(choices) * self._ids.jitter())]

    def shuffle(self, items: MutableSequence[T]) -> None:
        """Put `items` into another order."""
        for last in range(len(items) - 1, 0, -1):
            other = int((last + 1) * self._ids.jitter())
            items[last], items[other] = items[other], items[last]

    def id(self) -> UUID:
        """An id that no other draw of this seed gives."""
        return self._ids.new()
