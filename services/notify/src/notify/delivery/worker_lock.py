"""An advisory lock that shows the other replicas that this process is alive.

A claimed delivery names its worker. When the worker's lock is gone, so is the process, and another
worker releases its deliveries at once instead of when their lease ends.
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

# Advisory locks live in one number space per database: "nwrk", next to the outbox relay's.
LOCK_SPACE = 0x6E77726B
CHECK_INTERVAL = timedelta(seconds=5)

log = structlog.get_logger()


class WorkerLock:
    """Holds the lock on its own connection; `worker` is the lock's number while it is held."""

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

    async def acquire(self) -> None:
        """Take the lock. Deliveries must not be claimed before."""
        # A new number each time: others may still be releasing what the old one held.
        worker = self._ids.new().int & 0x7FFF_FFFF
        connection = await connect(self._dsn)
        try:
            with reporting_loss(connection):
                await connection.execute("SELECT pg_advisory_lock($1, $2)", LOCK_SPACE, worker)
        except BaseException:
            connection.terminate()
            raise
        # Not before: what is claimed in the name of a number without its lock is free for others.
        self._connection, self._worker = connection, worker

    async def release(self) -> None:
        """Release the lock: what is still claimed is free for others."""
        if self._connection is not None and not self._connection.is_closed():
            await self._connection.close()
        self._connection = None

    async def release_abandoned(self) -> int:
        """Release the deliveries of dead workers; how many there were."""
        worker = self.worker
        if worker is None:
            return 0
        released = await deliveries.release_abandoned(
            self._pool, worker=worker, lock_space=LOCK_SPACE, now=self._clock.now()
        )
        if released:
            self._metrics.reclaimed(released)
            log.warning("released_abandoned_deliveries", deliveries=released)
        return released

    async def run(self, on_release: Callable[[], None], progress: Callable[[], None]) -> None:
        """Hold the lock and release dead workers' deliveries until cancelled."""

        async def check() -> None:
            if self.worker is None:
                await self.acquire()
            if await self.release_abandoned():
                on_release()

        def on_retry(error: BaseException) -> None:
            log.warning("worker_lock_waits_for_database", error=repr(error))
            progress()

        while True:
            await retry_while_away(check, on_retry=on_retry)
            progress()
            await self._clock.sleep(CHECK_INTERVAL)
