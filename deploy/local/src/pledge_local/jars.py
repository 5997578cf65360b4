"""Kafka's jars: a locked list, fetched once into the user's Maven cache and checked by hash.

`kafka.lock.json` is written by `python -m pledge_local.lock`, which asks jgo to resolve Kafka's
dependencies. A start only compares and downloads: no resolution, no surprise.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO

import httpx

from pledge_local.errors import LocalError

LOCK = Path(__file__).with_name("kafka.lock.json")
DOWNLOADS_AT_ONCE = 8
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Jar:
    """One file of a Maven repository: its path there, size in bytes, and SHA-256."""

    path: str
    size: int
    sha256: str


def locked() -> list[Jar]:
    """All jars that the broker needs."""
    return [Jar(**entry) for entry in json.loads(LOCK.read_text(encoding="utf-8"))["jars"]]


def cache() -> Path:
    """The local Maven repository: PLEDGE_MAVEN_CACHE or ~/.m2/repository."""
    chosen = os.environ.get("PLEDGE_MAVEN_CACHE")
    return Path(chosen) if chosen else Path.home() / ".m2" / "repository"


def missing(jars: Sequence[Jar], folder: Path) -> list[Jar]:
    """Those of `jars` that `folder` lacks or has in another size."""
    return [jar for jar in jars if not _is_there(jar, folder)]


def _is_there(jar: Jar, folder: Path) -> bool:
    try:
        return (folder / jar.path).stat().st_size == jar.size
    except OSError:
        return False


def classpath(advance: Callable[[int], None] = lambda size: None) -> str:
    """Java's class path, after downloading what the cache lacks; not to be called in an event loop.

    `advance` gets the size of every piece downloaded, in bytes. Safe to run in several processes at
    once: a file appears whole or not at all. Raises LocalError.
    """
    jars, folder = locked(), cache().absolute()
    wanted = missing(jars, folder)
    if wanted:
        asyncio.run(fetch(wanted, folder, advance))
    return os.pathsep.join(str(folder / jar.path) for jar in jars)


async def fetch(jars: Sequence[Jar], folder: Path, advance: Callable[[int], None]) -> None:
    """Download `jars` into `folder`. Raises LocalError when one can't be had.

    When it is cancelled, it ends at once, and nothing half done is left.
    """
    server = (os.environ.get("PLEDGE_MAVEN_URL") or _central()).rstrip("/")
    room = asyncio.Semaphore(DOWNLOADS_AT_ONCE)

    async def one(client: httpx.AsyncClient, jar: Jar) -> None:
        async with room:
            await _fetch_one(client, server, jar, folder, advance)

    async with httpx.AsyncClient(follow_redirects=True, timeout=60) as client:
        tasks = [asyncio.ensure_future(one(client, jar)) for jar in jars]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


def _central() -> str:
    """Maven Central's address, as jgo has it; imported late, since a warm start needs no jgo."""
    from jgo.constants import MAVEN_CENTRAL_URL

    return str(MAVEN_CENTRAL_URL)


async def _fetch_one(
    client: httpx.AsyncClient, server: str, jar: Jar, folder: Path, advance: Callable[[int], None]
) -> None:
    for attempt in range(1, ATTEMPTS + 1):
        try:
            await _download(client, f"{server}/{jar.path}", jar, folder / jar.path, advance)
        except httpx.HTTPError as error:
            if attempt == ATTEMPTS:
                raise LocalError(
                    f"Kafka's file {Path(jar.path).name} could not be downloaded from"
                    f" {server}: {str(error) or type(error).__name__}",
                    "Connect to the network once: the files stay in"
                    f" {folder}. Or set PLEDGE_MAVEN_URL to a mirror within reach, or"
                    " KAFKA_BOOTSTRAP_SERVERS to an existing cluster.",
                ) from error
        except OSError as error:
            raise LocalError(
                f"{folder / jar.path} could not be written: {error.strerror or error}",
                "Make room there, or set PLEDGE_MAVEN_CACHE to another folder.",
            ) from error
        else:
            return


async def _download(
    client: httpx.AsyncClient, url: str, jar: Jar, target: Path, advance: Callable[[int], None]
) -> None:
    digest = hashlib.sha256()
    received = 0
    try:
        with _draft(target) as file:
            async with client.stream("GET", url) as response:
                response.raise_for_status()
                async for piece in response.aiter_bytes():
                    file.write(piece)
                    digest.update(piece)
                    received += len(piece)
                    advance(len(piece))
            _check(digest.hexdigest(), jar, url)
    except BaseException:
        advance(-received)
        raise


@contextmanager
def _draft(target: Path) -> Iterator[IO[bytes]]:
    """A file that becomes `target` when the block ends well, and is gone when it does not."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=target.parent, delete=False) as file:
        temporary = Path(file.name)
        try:
            yield file
            file.flush()
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def _check(digest: str, jar: Jar, url: str) -> None:
    """Raise httpx.DecodingError, which is worth a second try, when the content is another."""
    if digest != jar.sha256:
        raise httpx.DecodingError(f"{url} is not the file that was locked")
