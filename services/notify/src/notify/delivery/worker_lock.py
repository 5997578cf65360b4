"""Tells the other replicas that this process lives: an advisory lock that dies with it.

Deliveries name the worker that has them in its hands. When its lock is gone, so is the process,
and whoever notices gives its deliveries to the living at once instead of when their lease ends.
"""

from collections.abc import Callable
from datetime import timedelta

import asyncpg
import structlog

from notify.metrics import NotifyMetrics
from notify.storage import deliveries
from pledge.runtime.clock import Clock
from pledge.runtime.ids import Ids
from pledge.runtime.postgres.pool import connect, reporting_loss
from pledge.runtime.retry import retry_while_away

# Advisory locks live in one number space per database: "nwrk", beside the outbox relay's.
LOCK_SPACE = 0x6E77726B
CHECK_INTERVAL = timedelta(seconds=5)

log = structlog.get_logger()


class WorkerLock:
    """Holds the lock on a connection of its own; `worker` is its number while it is held."""

    def __init__(
        self, dsn: str, pool: asyncpg.Pool, *, clock: Clock, ids: Ids, metrics: NotifyMetrics
    ) -> None:
        self._dsn = dsn
        self._pool = pool
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._connection: asyncpg.Connection | None = None
        self._worker: int | None = None

    @property
    def worker(self) -> int | None:
        """This worker's number; None while the lock is not held, when only leases protect."""
        if self._connection is None or self._connection.is_closed():
            return None
        return self._worker

    async def enter(self) -> None:
        """Take the lock. Deliveries must not be claimed before."""
        # A new number each time: the old one may still be looked at by others.
        self._worker = self._ids.new().int & 0x7FFF_FFFF
        connection = self._connection = await connect(self._dsn)
        with reporting_loss(connection):
            await connection.execute("SELECT pg_advisory_lock($1, $2)", LOCK_SPACE, self._worker)

    async def leave(self) -> None:
        """Give the lock back: what is still in our hands is free for others."""
        if self._connection is not None and not self._connection.is_closed():
            await self._connection.close()
        self._connection = None

    async def release_abandoned(self) -> int:
        """Free what dead workers held; how many deliveries that were."""
        worker = self.worker
        if worker is None:
            return 0
        freed = await deliveries.release_abandoned(
            self._pool, worker=worker, lock_space=LOCK_SPACE, now=self._clock.now()
        )
        if freed:
            self._metrics.reclaimed(freed)
            log.warning("took over deliveries of a process that died", deliveries=freed)
        return freed

    async def run(self, on_freed: Callable[[], None], progress: Callable[[], None]) -> None:
        """Keep the lock, and look after the dead, for ever; tells when something was freed."""

        async def look() -> None:
            if self.worker is None:
                await self.enter()
            if await self.release_abandoned():
                on_freed()

        def on_retry(error: BaseException) -> None:
            log.warning("worker_lock_waits_for_database", error=repr(error))
            progress()

        while True:
            await retry_while_away(look, on_retry=on_retry)
            progress()
            await self._clock.sleep(CHECK_INTERVAL)
