"""Keeps one broker and one database server while test processes need them.

Run as a script with a folder. Each process that needs them holds a connection to the folder's
socket `keeper.sock`, on which it gets the addresses. When the last connection is closed, by
exit, crash or kill, both servers are stopped and their data is removed.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pledge_local.kafka import Broker
from pledge_local.postgres import UNSAFE_BUT_FAST, Server

LINGER_SECONDS = float(os.environ.get("PLEDGE_TEST_LINGER", "3"))
# Nobody needs the log segments of a test's topics to be large, nor their files to stay.
BROKER_PROPERTIES = {
    "log.index.size.max.bytes": "65536",
    "log.segment.delete.delay.ms": "1000",
    "log.flush.offset.checkpoint.interval.ms": "600000",
    "message.max.bytes": "2097152",
}


class Keeper:
    """Counts the connections and ends when there were none for a while."""

    def __init__(self, greeting: dict[str, str]) -> None:
        self._greeting = json.dumps(greeting).encode() + b"\n"
        self._held = 0
        self._linger: asyncio.TimerHandle | None = None
        self.done = asyncio.Event()
        self._wait_for_others()

    async def hold(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Tell a process the addresses and wait until it hangs up."""
        self._held += 1
        if self._linger is not None:
            self._linger.cancel()
        try:
            writer.write(self._greeting)
            await writer.drain()
            await reader.read()
        except ConnectionError:
            pass  # hanging up without a word is fine
        finally:
            self._held -= 1
            writer.close()
            if self._held == 0:
                self._wait_for_others()

    def _wait_for_others(self) -> None:
        loop = asyncio.get_running_loop()
        self._linger = loop.call_later(LINGER_SECONDS, self.done.set)


async def serve(path: Path, greeting: dict[str, str]) -> None:
    """Hold the servers until nobody needs them; then the socket is gone before they are."""
    keeper = Keeper(greeting)
    path.unlink(missing_ok=True)
    server = await asyncio.start_unix_server(keeper.hold, path)
    try:
        await keeper.done.wait()
    finally:
        path.unlink(missing_ok=True)
        server.close()


def run(folder: Path) -> None:
    """Start both servers, serve, stop both, remove their data."""
    with (folder / "keeper.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # a keeper that is just stopping goes first
        for left_over in folder.glob("run-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        own = folder / f"run-{os.getpid()}"
        own.mkdir()
        broker = Broker(own / "kafka", memory="384m", properties=BROKER_PROPERTIES)
        server = Server(own / "pg", settings=UNSAFE_BUT_FAST)
        try:
            with ThreadPoolExecutor(2) as pool:
                for started in (pool.submit(broker.start), pool.submit(server.start)):
                    started.result()
            greeting = {
                "bootstrap_servers": broker.bootstrap_servers,
                "data": str(own / "pg"),
            }
            asyncio.run(serve(folder / "keeper.sock", greeting))
        finally:
            server.kill()
            broker.kill()
            shutil.rmtree(own, ignore_errors=True)


if __name__ == "__main__":
    run(Path(sys.argv[1]))
