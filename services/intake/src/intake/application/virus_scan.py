"""Virus scanning by clamd: its INSTREAM protocol, and a worker that shows it what came in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import structlog

from intake.metrics import IntakeMetrics
from intake.storage import files
from intake.storage.blobs import Blobs, BlobsUnavailable, BlobUnknown
from pledge.runtime.clock import Clock
from pledge.runtime.postgres.errors import is_bug

# clamd closes connections that are silent for longer, and takes chunks of up to StreamMaxLength.
TIMEOUT: Final = timedelta(seconds=60)
CHUNK: Final = 64 * 1024
PAUSE: Final = timedelta(seconds=3)
AWAY_PAUSE: Final = timedelta(seconds=15)
# What a process that was down for a week has missed; older files are scanned when asked for.
FIRST_LOOK: Final = timedelta(days=7)
OVERLAP: Final = timedelta(minutes=10)
BATCH: Final = 50

log = structlog.get_logger()


class ScannerAway(Exception):
    """The scanner gave no finding; what was asked may be tried again later."""


@dataclass(frozen=True, slots=True)
class Clamd:
    """A scanner at `tcp://host:port` or `unix:/path`."""

    address: str

    async def finding(self, content: bytes) -> str | None:
        """The name of what the scanner found; None: nothing. Raises ScannerAway."""
        try:
            async with asyncio.timeout(TIMEOUT.total_seconds()), self._session() as (read, write):
                with suppress(ConnectionError):  # it says why before it hangs up
                    await _send(write, content)
                said = await read.readuntil(b"\0")
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as e:
            raise ScannerAway(f"{self.address} does not answer: {e!r}") from e
        return _finding_of(said[:-1].decode("utf-8", "replace"))

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        where = urlsplit(self.address)
        if where.scheme == "unix":
            reader, writer = await asyncio.open_unix_connection(where.path)
        else:
            reader, writer = await asyncio.open_connection(where.hostname, where.port)
        try:
            yield reader, writer
        finally:
            writer.close()


async def _send(write: asyncio.StreamWriter, content: bytes) -> None:
    write.write(b"zINSTREAM\0")
    for start in range(0, len(content), CHUNK):
        chunk = content[start : start + CHUNK]
        write.write(len(chunk).to_bytes(4, "big") + chunk)
        await write.drain()
    write.write(bytes(4))
    await write.drain()


def _finding_of(said: str) -> str | None:
    """What `stream: OK` and `stream: Name FOUND` say. What the scanner will never take is a
    finding too: nobody gets it."""
    result = said.removeprefix("stream:").strip()
    if result == "OK":
        return None
    if result.endswith("FOUND"):
        return result.removesuffix("FOUND").strip() or "infected"
    if "size limit exceeded" in result:
        return "not scanned: larger than the scanner takes"
    raise ScannerAway(f"the scanner said: {result[:200]}")


class VirusScan:
    """Shows every new content to the scanner and keeps what it says. Nothing is given out before;
    a scanner that is away is asked again."""

    def __init__(
        self, clamd: Clamd, blobs: Blobs, pool: asyncpg.Pool, clock: Clock, metrics: IntakeMetrics
    ) -> None:
        self._clamd = clamd
        self._blobs = blobs
        self._pool = pool
        self._clock = clock
        self._metrics = metrics
        self._since: datetime | None = None

    async def scan(self, desk: str, key: str, content: bytes) -> str | None:
        """Scan the content now and keep the finding; None: nothing was found. Raises
        ScannerAway."""
        finding = await self._clamd.finding(content)
        self._metrics.scanned(desk, "clean" if finding is None else "infected")
        if finding is not None:
            log.warning("infected_file_kept_aside", desk=desk, key=key, finding=finding[:200])
        async with self._pool.acquire() as connection:
            await files.keep_scan(connection, desk, key, finding, self._clock.now())
        return finding

    async def run(self) -> None:
        """Scan what comes in, until cancelled."""
        while True:
            try:
                is_more = await self.scan_new()
                pause = timedelta(0) if is_more else PAUSE
            except Exception as error:
                if not isinstance(error, ScannerAway | BlobsUnavailable) and is_bug(error):
                    raise
                log.warning("virus_scan_waits", error=str(error)[:300])
                pause = AWAY_PAUSE
            await self._clock.sleep(pause)

    async def scan_new(self) -> bool:
        """Scan some of what was not scanned yet; whether there may be more."""
        now = self._clock.now()
        since = self._since or now - FIRST_LOOK
        async with self._pool.acquire() as connection:
            found = await files.not_scanned(connection, since, BATCH)
        for desk, key, _ in found:
            try:
                content = await self._blobs.get(desk, key)
            except BlobUnknown:  # removed, or a reference that a gateway made up
                async with self._pool.acquire() as connection:
                    await files.keep_scan(connection, desk, key, None, now)
                continue
            await self.scan(desk, key, content)
        if len(found) < BATCH:
            # Rows become visible a moment after their instant, never as late as this.
            self._since = now - OVERLAP
        return len(found) == BATCH
