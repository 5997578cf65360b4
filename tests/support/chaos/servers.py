"""A broker and a database server that may be killed: only chaos tests use them."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from pledge_local.kafka import Broker
from pledge_local.postgres import Server

_BROKER = {
    "log.index.size.max.bytes": "65536",
    "log.segment.delete.delay.ms": "1000",
}
# Only processes are killed here, never the machine: what was given to the kernel stays. So writes
# need not reach the disk, but a commit must have left the process, so `synchronous_commit` is on.
_POSTGRES = {"fsync": "off", "full_page_writes": "off", "max_connections": "300"}


class Servers:
    """The two servers, with their data and the logs of everything in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.broker = Broker(folder / "kafka", memory="384m", properties=_BROKER)
        self.postgres = Server(folder / "pg", settings=_POSTGRES)
        self.kills = 0

    async def kill_broker(self) -> None:
        """Kill -9 the broker; its data stays."""
        self.kills += 1
        await asyncio.to_thread(self.broker.kill)

    async def start_broker(self) -> None:
        """Start it again, on the same port."""
        await asyncio.to_thread(self.broker.start)

    async def kill_database(self) -> None:
        """Kill -9 all processes of the database server."""
        self.kills += 1
        await asyncio.to_thread(self.postgres.kill)

    async def start_database(self) -> None:
        """Start it again, on the same socket."""
        await asyncio.to_thread(self.postgres.start)

    async def restore(self) -> None:
        """Start what does not run."""
        if self.broker.child is None:
            await self.start_broker()
        if self.postgres.child is None:
            await self.start_database()


@contextmanager
def open_servers() -> Iterator[Servers]:
    """Both servers, running; everything is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="pledge-chaos-"))
    servers = Servers(folder)
    try:
        with ThreadPoolExecutor(2) as pool:
            for started in (
                pool.submit(servers.broker.start),
                pool.submit(servers.postgres.start),
            ):
                started.result()
        yield servers
    finally:
        servers.broker.kill()
        servers.postgres.kill()
        shutil.rmtree(folder, ignore_errors=True)
