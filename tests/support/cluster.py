"""One broker and one database server for all tests that run at a time on this checkout."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from pledge.runtime.clock import SystemClock
from pledge_local.postgres import Server, short_temporary_folder

ROOT = Path(__file__).parents[2]
STARTS_WITHIN = 120.0

T = TypeVar("T")


class Cluster:
    """The addresses of the two servers, which run at least as long as this object is open."""

    def __init__(self, folder: Path, connection: socket.socket, greeting: dict[str, str]) -> None:
        self.folder = folder
        self.bootstrap_servers = greeting["bootstrap_servers"]
        # Not started by us: only asked for addresses and new databases.
        self.postgres = Server(Path(greeting["data"]))
        self._connection = connection

    def close(self) -> None:
        """Say that this process needs them no more."""
        self._connection.close()

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Be the only one of all test processes inside `name`."""
        with (self.folder / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def open_cluster() -> Cluster:
    """Join the servers that run, or start them."""
    checkout = hashlib.sha256(os.fsencode(ROOT)).hexdigest()[:10]
    folder = short_temporary_folder() / f"pledge-tests-{os.getuid()}-{checkout}"
    folder.mkdir(mode=0o700, exist_ok=True)
    with (folder / "open.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _join(folder) or _start(folder)


def _join(folder: Path) -> Cluster | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(10)
        connection.connect(str(folder / "keeper.sock"))
        greeting = connection.makefile().readline()
        if greeting:
            connection.settimeout(None)
            return Cluster(folder, connection, json.loads(greeting))
    except OSError:
        pass  # no keeper, or one that just stops
    connection.close()
    return None


def _start(folder: Path) -> Cluster:
    log = folder / "keeper.log"
    with log.open("wb") as output:
        keeper = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("keeper.py")), str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    clock = SystemClock()
    deadline = clock.monotonic() + STARTS_WITHIN
    while (cluster := _join(folder)) is None:
        try:
            keeper.wait(0.05)
        except subprocess.TimeoutExpired:
            if clock.monotonic() < deadline:
                continue
        raise RuntimeError(f"the test servers did not start:\n{log.read_text()}")
    return cluster


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work` to its end from code that is not async, even when a loop runs in this thread."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()
