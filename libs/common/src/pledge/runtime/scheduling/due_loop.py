"""Waking at due instants: the next minutes in memory, the rest in the database."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Hashable, Sequence
from datetime import datetime, timedelta
from typing import Generic

import structlog

from pledge.runtime.clock import Clock
from pledge.runtime.retry import retry_while_away
from pledge.runtime.scheduling.due_queue import Due, DueQueue, K

log = structlog.get_logger()

# Another lane's appointment so near would come while a full batch is fired.
NEARLY_DUE = timedelta(seconds=1)


def _one_lane(_: Hashable) -> Hashable:
    return None


class DueLoop(Generic[K]):
    """Calls `fire` with what is due, oldest first, at its instant and not by polling.

    `load(horizon, limit)` reads what is due up to `horizon` from the database: of each lane the
    earliest, at most `limit` in all but one of each. Where that leaves something out, lanes have
    equally much, or all they have. `fire(batch)` gets at most `batch_limit` entries of a lane; it
    must look the truth up itself, since an entry may be stale, and may call `schedule` for what is
    to come again.

    Keys wait in lanes, one unless `lane_of` says otherwise. Each lane fires one batch at a time,
    in order; lanes don't wait for each other. While another lane has something due or nearly due,
    a batch has at most `shared_limit` entries, so that what they share is soon free again;
    `on_shared` is called with each batch that this makes smaller.

    With `prepare`, keys from the database are shown to it some time before they are due, so that
    what firing needs is loaded. It may fail or come too late: firing must not depend on it.
    """

    def __init__(
        self,
        clock: Clock,
        *,
        load: Callable[[datetime, int], Awaitable[Sequence[Due[K]]]],
        fire: Callable[[Sequence[Due[K]]], Awaitable[None]],
        window: timedelta = timedelta(minutes=5),
        limit: int = 50_000,
        batch_limit: int = 500,
        shared_limit: int | None = None,
        on_shared: Callable[[], None] = lambda: None,
        lane_of: Callable[[K], Hashable] = _one_lane,
        prepare: Callable[[Sequence[K]], Awaitable[None]] | None = None,
        ahead: timedelta = timedelta(seconds=2),
    ) -> None:
        self._clock = clock
        self._load = load
        self._fire = fire
        self._window = window
        self._limit = limit
        self._batch_limit = batch_limit
        self._shared_limit = batch_limit if shared_limit is None else shared_limit
        self._on_shared = on_shared
        self._woken = asyncio.Event()
        self._lane_of = lane_of
        self._queue: DueQueue[K] = DueQueue(lane_of)
        self._preparation = (
            None if prepare is None else _Preparation(prepare, ahead, self._woken.set)
        )
        self._horizon: datetime | None = None
        self._reloads = 0
        # Lanes of which more is due before the horizon than memory may hold: up to which instant
        # it holds them, and how few are to be left when the database is read again.
        self._cuts: dict[Hashable, tuple[datetime, int]] = {}
        self._sleeps_until: datetime | None = None
        # By lane, what fires now. Its keys are not loaded again meanwhile.
        self._firing: dict[Hashable, asyncio.Task[None]] = {}
        self._firing_keys: set[K] = set()

    def schedule(self, due: datetime, key: K) -> None:
        """Fire `key` at `due` instead of any earlier appointment of it."""
        if self._is_left_out(due, key):
            # It is in the database and will be loaded when its time comes near.
            self.forget(key)
            return
        if self._queue.get(key) == due:
            return
        self._put(due, key)
        if self._sleeps_until is not None and due < self._sleeps_until:
            self._woken.set()

    def forget(self, key: K) -> None:
        """Don't fire `key` any more."""
        self._queue.forget(key)
        if self._cuts and self._runs_low(self._lane_of(key)):
            self._woken.set()  # there is room for what was left out

    def reload(self) -> None:
        """Read the database again, e.g. after a partition came or went."""
        self._horizon = None
        self._reloads += 1
        self._woken.set()

    def next_due(self) -> datetime | None:
        """The earliest appointment in memory; None when there is none."""
        return self._queue.next_due()

    def __len__(self) -> int:
        """How many appointments are in memory."""
        return len(self._queue)

    async def run(self) -> None:
        """Fire what is due until cancelled. Passing faults back off; others end the loop."""
        try:
            while True:
                await retry_while_away(self._round, on_retry=self._on_retry)
        finally:
            await self._abandon()

    def _on_retry(self, error: BaseException) -> None:
        log.warning("due_loop_waits_for_database", error=repr(error))
        self._horizon = None

    async def _round(self) -> None:
        self._woken.clear()
        self._collect()
        now = self._clock.now()
        if self._needs_refill(now):
            await self._refill(now)
        for lane in self._queue.lanes_due(now, self._firing.keys()):
            limit = self._limit_of(lane, now)
            batch = self._queue.take(lane, now, limit)
            if limit < self._batch_limit and len(batch) == limit:
                self._on_shared()
            self._start(lane, batch)
        if self._preparation is not None:
            self._preparation.go_on(now, self._queue, self._batch_limit)
        await self._sleep(now)

    def _limit_of(self, lane: Hashable, now: datetime) -> int:
        """How much of `lane` fires at a time."""
        others = self._firing.keys() - {lane}
        following = self._queue.next_due({lane})
        is_shared = bool(others) or (following is not None and following <= now + NEARLY_DUE)
        return self._shared_limit if is_shared else self._batch_limit

    def _start(self, lane: Hashable, batch: Sequence[Due[K]]) -> None:
        self._firing_keys.update(key for _, key in batch)
        task = asyncio.ensure_future(self._fire_batch(batch))
        self._firing[lane] = task
        task.add_done_callback(lambda _: self._woken.set())

    async def _fire_batch(self, batch: Sequence[Due[K]]) -> None:
        try:
            await self._fire(batch)
        finally:
            self._firing_keys.difference_update(key for _, key in batch)

    def _collect(self) -> None:
        """Forget the lanes that have fired; raises what the first of them raised."""
        done = {lane: task for lane, task in self._firing.items() if task.done()}
        for lane in done:
            del self._firing[lane]
        for error in [task.exception() for task in done.values()]:
            if error is not None:
                raise error

    async def _abandon(self) -> None:
        """Stop what fires: the next owner loads it again."""
        tasks = set(self._firing.values())
        if self._preparation is not None and self._preparation.task is not None:
            tasks.add(self._preparation.task)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._firing.clear()

    def _needs_refill(self, now: datetime) -> bool:
        if self._horizon is None or now >= self._horizon - self._window / 2:
            return True
        return any(self._runs_low(lane) for lane in self._cuts)

    def _runs_low(self, lane: Hashable) -> bool:
        """Whether something of `lane` was left in the database and little of it is in memory."""
        cut = self._cuts.get(lane)
        return cut is not None and self._queue.length(lane) <= cut[1]

    def _is_left_out(self, due: datetime, key: K) -> bool:
        """Whether an appointment is left in the database for now."""
        if self._horizon is None:
            return False
        cut = self._cuts.get(self._lane_of(key)) if self._cuts else None
        return due > self._horizon or (cut is not None and due > cut[0])

    async def _refill(self, now: datetime) -> None:
        previous, reloads = self._horizon, self._reloads
        # Raised before the read, so that what is scheduled meanwhile is not missed.
        self._horizon = now + self._window
        self._cuts = {}
        try:
            loaded = await self._load(self._horizon, self._limit)
        except BaseException:
            self._horizon = previous
            raise
        if self._reloads != reloads:
            return  # asked meanwhile to read again: what was read may be of before
        if len(loaded) >= self._limit:
            self._cut_lanes(loaded)
        for due, key in loaded:
            held = self._queue.get(key)
            # The earlier of the two: a look too early finds nothing due, one too late is late.
            if (
                (held is None or due < held)
                and key not in self._firing_keys
                and not self._is_left_out(due, key)
            ):
                self._put(due, key)
                if self._preparation is not None and due > now:
                    self._preparation.note(due, key)

    def _cut_lanes(self, loaded: Sequence[Due[K]]) -> None:
        """Memory was too small: those lanes that had the most of it have more to come."""
        lasts: dict[Hashable, datetime] = {}
        lengths: Counter[Hashable] = Counter()
        for due, key in loaded:
            lane = self._lane_of(key)
            lengths[lane] += 1
            lasts[lane] = max(due, lasts.get(lane, due))
        most = max(lengths.values())
        for lane, length in lengths.items():
            if length >= most - 1:
                self._cut(lane, lasts[lane], length // 2)

    def _cut(self, lane: Hashable, last: datetime, low: int) -> None:
        """Memory holds appointments of `lane` up to `last` alone."""
        before = self._cuts.get(lane)
        if before is None or last < before[0]:
            self._cuts[lane] = last, low
            self._queue.drop_after(lane, last)

    def _put(self, due: datetime, key: K) -> None:
        self._queue.put(due, key)
        if len(self._queue) > self._limit:
            # What is dropped is in the database, and is loaded when its time comes near.
            halved = self._queue.halve_longest()
            if halved is not None:
                lane, last = halved
                self._cut(lane, last, self._queue.length(lane) // 2)

    async def _sleep(self, now: datetime) -> None:
        """Until the first appointment, the next refill, or a call of `schedule`."""
        wake_at = now + self._window / 2
        next_due = self._queue.next_due(self._firing.keys())
        if next_due is not None:
            wake_at = min(wake_at, next_due)
        if self._preparation is not None:
            wake_at = min(wake_at, self._preparation.wake_at(wake_at))
        self._sleeps_until = wake_at
        woken = asyncio.ensure_future(self._woken.wait())
        slept = asyncio.ensure_future(self._clock.sleep_until(wake_at))
        try:
            await asyncio.wait({woken, slept}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._sleeps_until = None
            woken.cancel()
            slept.cancel()


class _Preparation(Generic[K]):
    """Shows keys to `prepare`, between `ahead` and twice that before they are due, many at once."""

    def __init__(
        self,
        prepare: Callable[[Sequence[K]], Awaitable[None]],
        ahead: timedelta,
        on_done: Callable[[], None],
    ) -> None:
        self._prepare = prepare
        self._ahead = ahead
        self._on_done = on_done
        self._noted: list[tuple[datetime, int, K]] = []
        self._order = itertools.count()
        self.task: asyncio.Task[None] | None = None

    def note(self, due: datetime, key: K) -> None:
        """`key` came from the database; its time is `due`."""
        heapq.heappush(self._noted, (due, next(self._order), key))

    def wake_at(self, otherwise: datetime) -> datetime:
        """When to go on."""
        if not self._noted or (self.task is not None and not self.task.done()):
            return otherwise
        return self._noted[0][0] - self._ahead

    def go_on(self, now: datetime, queue: DueQueue[K], limit: int) -> None:
        """Begin to prepare what is near, unless that is under way already."""
        if self.task is not None and not self.task.done():
            return
        if not self._noted or self._noted[0][0] - self._ahead > now:
            return
        keys: list[K] = []
        until = now + 2 * self._ahead
        while self._noted and self._noted[0][0] <= until and len(keys) < limit:
            due, _, key = heapq.heappop(self._noted)
            if due > now and queue.get(key) == due:
                keys.append(key)
        if keys:
            self.task = asyncio.ensure_future(self._safely(keys))
            self.task.add_done_callback(lambda _: self._on_done())

    async def _safely(self, keys: Sequence[K]) -> None:
        try:
            await self._prepare(keys)
        except Exception as error:
            # What fires looks for itself; a lasting fault shows there.
            log.warning("due_preparation_failed", error=repr(error))
