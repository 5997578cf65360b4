"""Deletes messages and files whose time is over, as each desk's file says, and uploads that came to
nothing. Every replica does so; what one has deleted the others no longer find."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final

import asyncpg
import structlog

from intake.domain.desk import Desk
from intake.metrics import IntakeMetrics
from intake.storage import files, persons
from intake.storage.blobs import Blobs, BlobsUnavailable, Kind
from pledge.runtime.clock import Clock
from pledge.runtime.postgres.errors import is_bug

EVERY: Final = timedelta(hours=1)
# After the start, when there is other work.
FIRST: Final = timedelta(minutes=1)
# Deleted at once, and the pause before the next: a store serves others meanwhile.
BATCH: Final = 500
PAUSE: Final = timedelta(milliseconds=200)
UPLOADS_LAST: Final = timedelta(days=7)
"""Longer than anybody works on one answer."""
UNNAMED_LAST: Final = timedelta(days=120)
"""A file that no ticket names after so long came to nothing: its sender was asked to try again, or
the form was never sent. Dead letters, which may still name it, last 90 days."""

log = structlog.get_logger()


class FileRetention:
    """Deletes what is past its time, in the background."""

    def __init__(
        self,
        desks: Mapping[str, Desk],
        blobs: Blobs,
        pool: asyncpg.Pool,
        clock: Clock,
        metrics: IntakeMetrics,
    ) -> None:
        self._desks = desks
        self._blobs = blobs
        self._pool = pool
        self._clock = clock
        self._metrics = metrics

    async def run(self) -> None:
        """Look for what is past its time, until cancelled."""
        await self._clock.sleep(FIRST)
        while True:
            try:
                await self.delete_old()
            except Exception as error:
                if not isinstance(error, BlobsUnavailable) and is_bug(error):
                    raise
                log.warning("file_retention_waits", error=str(error)[:300])
            await self._clock.sleep(EVERY)

    async def delete_old(self) -> None:
        """Delete everything that is past its time now, and what came to nothing. Raises
        BlobsUnavailable."""
        now = self._clock.now()
        for desk in self._desks.values():
            await self._delete(desk, Kind.MESSAGES, now - desk.files.keep_messages)
            if desk.files.keep_files is not None:
                await self._delete(desk, Kind.FILES, now - desk.files.keep_files)
                await self._delete_in_database(desk, now - desk.files.keep_files)
            await self._sweep(desk.id, (now - UNNAMED_LAST).astimezone(UTC).date())
        await self._forget_uploads(now - UPLOADS_LAST)
        await self._delete_erased(now)

    async def _delete(self, desk: Desk, kind: Kind, before: datetime) -> None:
        last = f"{before.astimezone(UTC):%Y-%m-%d}"
        for day in await self._blobs.days(desk.id, kind):
            if day >= last:
                return
            while (found := await self._blobs.delete_day(desk.id, kind, day, BATCH))[0]:
                count, size = found
                self._metrics.removed(desk.id, kind.value, count, size)
                log.info(
                    "files_past_their_time", desk=desk.id, kind=kind.value, day=day, count=count
                )
                await self._clock.sleep(PAUSE)

    async def _delete_in_database(self, desk: Desk, before: datetime) -> None:
        """What came before there was a store of files."""
        count = BATCH
        while count == BATCH:
            async with self._pool.acquire() as connection:
                count = await files.forget_old_files(connection, desk.id, before, BATCH)
            if count:
                self._metrics.removed(desk.id, Kind.FILES.value, count, 0)
                await self._clock.sleep(PAUSE)

    async def _sweep(self, desk: str, before: date) -> None:
        """Delete the files of days before that which no ticket names. A day is looked at once."""
        async with self._pool.acquire() as connection:
            done = await files.swept_to(connection, desk)
        for day in await self._blobs.days(desk, Kind.FILES):
            if day < before.isoformat() and (done is None or day > done.isoformat()):
                await self._sweep_day(desk, day)
        async with self._pool.acquire() as connection:
            await files.keep_swept_to(connection, desk, before - timedelta(days=1))

    async def _sweep_day(self, desk: str, day: str) -> None:
        after = ""
        while found := await self._blobs.of_day(desk, Kind.FILES, day, BATCH, after):
            async with self._pool.acquire() as connection:
                named = await files.named(connection, found)
            unnamed = [key for key in found if key not in named]
            if unnamed:
                await self._blobs.delete(desk, unnamed)
                log.info("files_of_nothing_deleted", desk=desk, day=day, count=len(unnamed))
            after = found[-1]
            await self._clock.sleep(PAUSE)

    async def _forget_uploads(self, before: datetime) -> None:
        count = BATCH
        while count == BATCH:
            async with self._pool.acquire() as connection:
                count = await files.forget_uploads(connection, before, BATCH)

    async def _delete_erased(self, now: datetime) -> None:
        """Delete contents that an erasure left without a fact, unless another ticket has them."""
        while True:
            async with self._pool.acquire() as connection:
                found = await persons.contents_to_delete(connection, now, BATCH)
                named = await files.named(connection, [key for _, key in found])
            if not found:
                return
            for desk in {desk for desk, _ in found}:
                keys = [key for of, key in found if of == desk]
                await self._blobs.delete(desk, [key for key in keys if key not in named])
                async with self._pool.acquire() as connection:
                    await persons.contents_deleted(connection, desk, keys)
            log.info("erased_contents_deleted", count=len(found))
            await self._clock.sleep(PAUSE)
