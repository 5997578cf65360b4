"""Keys and the instants at which they are due, in lanes, kept in memory."""

from __future__ import annotations

import heapq
import itertools
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
Due = tuple[datetime, K]

# Entries of heaps that were replaced are left behind until they come up; past so many more than
# there are appointments, they are cleared away.
MOST_LEFT_BEHIND = 1_000


class DueQueue(Generic[K]):
    """One instant for each key; `lane_of` says which keys wait in one line."""

    def __init__(self, lane_of: Callable[[K], Hashable]) -> None:
        self._lane_of = lane_of
        self._due: dict[K, datetime] = {}
        self._lanes: dict[Hashable, list[tuple[datetime, int, K]]] = {}
        self._lengths: Counter[Hashable] = Counter()
        self._order = itertools.count()
        self._entries = 0

    def __len__(self) -> int:
        return len(self._due)

    def get(self, key: K) -> datetime | None:
        """When `key` is due; None without an appointment."""
        return self._due.get(key)

    def length(self, lane: Hashable) -> int:
        """How many keys wait in `lane`."""
        return self._lengths[lane]

    def put(self, due: datetime, key: K) -> None:
        """Make `due` the appointment of `key`, instead of any it had."""
        if key not in self._due:
            self._lengths[self._lane_of(key)] += 1
        self._due[key] = due
        self._enter(due, key)
        if self._entries > 2 * len(self._due) + MOST_LEFT_BEHIND:
            self._rebuild()

    def forget(self, key: K) -> None:
        """`key` has no appointment any more."""
        if self._due.pop(key, None) is not None:
            self._left(self._lane_of(key))

    def next_due(self, busy: Collection[Hashable] = ()) -> datetime | None:
        """The earliest appointment in a lane that is not `busy`; None when there is none."""
        heads = [self._head(lane) for lane in list(self._lanes) if lane not in busy]
        return min((head for head in heads if head is not None), default=None)

    def lanes_due(self, now: datetime, busy: Collection[Hashable] = ()) -> list[Hashable]:
        """The lanes, other than those `busy`, in which something is due; the longest due first."""
        heads = [(self._head(lane), lane) for lane in list(self._lanes) if lane not in busy]
        due = [(head, lane) for head, lane in heads if head is not None and head <= now]
        return [lane for _, lane in sorted(due, key=lambda each: each[0])]

    def take(self, lane: Hashable, now: datetime, limit: int) -> list[Due[K]]:
        """Remove and return what is due in `lane`, earliest first, at most `limit`."""
        taken: list[Due[K]] = []
        while len(taken) < limit:
            due = self._head(lane)
            if due is None or due > now:
                break
            _, _, key = heapq.heappop(self._lanes[lane])
            self._entries -= 1
            del self._due[key]
            self._left(lane)
            taken.append((due, key))
        return taken

    def halve_longest(self) -> tuple[Hashable, datetime] | None:
        """Keep the earlier half of the longest lane; which one, and the instant of its last.

        None when no lane has two.
        """
        ((lane, length),) = self._lengths.most_common(1)
        if length < 2:
            return None
        kept = self._in_order(lane)[: length // 2]
        self._keep(lane, kept)
        return lane, self._due[kept[-1]]

    def drop_after(self, lane: Hashable, last: datetime) -> None:
        """Keep of `lane` only what is due up to `last`."""
        keys = self._in_order(lane)
        if keys and self._due[keys[-1]] > last:
            self._keep(lane, [key for key in keys if self._due[key] <= last])

    def _in_order(self, lane: Hashable) -> list[K]:
        entries = self._lanes.get(lane, ())
        alive = {key: due for due, _, key in entries if self._due.get(key) == due}
        return sorted(alive, key=alive.__getitem__)

    def _keep(self, lane: Hashable, kept: Sequence[K]) -> None:
        dues = [(self._due[key], key) for key in kept]
        for key in self._in_order(lane):
            self.forget(key)
        self._entries -= len(self._lanes.pop(lane))
        for due, key in dues:
            self.put(due, key)

    def _left(self, lane: Hashable) -> None:
        self._lengths[lane] -= 1
        if not self._lengths[lane]:
            del self._lengths[lane]

    def _head(self, lane: Hashable) -> datetime | None:
        heap = self._lanes.get(lane, [])
        while heap:
            due, _, key = heap[0]
            if self._due.get(key) == due:
                return due
            heapq.heappop(heap)
            self._entries -= 1
        self._lanes.pop(lane, None)
        return None

    def _enter(self, due: datetime, key: K) -> None:
        heap = self._lanes.setdefault(self._lane_of(key), [])
        heapq.heappush(heap, (due, next(self._order), key))
        self._entries += 1

    def _rebuild(self) -> None:
        self._lanes, self._entries = {}, 0
        for key, due in self._due.items():
            self._enter(due, key)
