"""Where the bytes of messages and files are kept: a local folder, or a bucket of S3's kind.

Content has the key `<desk>/<kind>/<day>/<sha256>`: the same content of one day is kept once, a
desk's keys are its own, and what is past its time is found by its day, also what no event names
because its sender never got the 250. A key is all that leads to a place: names that senders gave
are no part of it.
"""

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final, ParamSpec, Protocol, TypeVar

import obstore
from obstore.exceptions import BaseError
from obstore.store import ObjectStore, S3Store

_KEY: Final = re.compile(
    r"([a-z0-9-]{1,63})/(messages|files)/[0-9]{4}-[0-9]{2}-[0-9]{2}/[0-9a-f]{64}"
)
# A write that a crash cut short left the second one in a folder.
_DELETABLE: Final = re.compile(
    r"([a-z0-9-]{1,63})/(messages|files)/[0-9]{4}-[0-9]{2}-[0-9]{2}/([0-9a-f]{64}|\.new-\w{1,40})"
)
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# A sender of mail waits for minutes, a person at a form does not.
ANSWER_WITHIN: Final = timedelta(seconds=20)
WRITERS: Final = 8
"""Contents that are written at once: a disk syncs as many as fast as one."""
P = ParamSpec("P")
T = TypeVar("T")
_BUCKET_SCHEMES: Final = ("s3://", "s3a://")


class Kind(StrEnum):
    """What is kept: whole messages as they came, or single files."""

    MESSAGES = "messages"
    FILES = "files"


class BlobsUnavailable(Exception):
    """The store can't be reached or is full; what was asked may be tried again later."""


class BlobUnknown(Exception):
    """There is no such content of the desk: never kept, or removed when its time was over."""


class Folders(Protocol):
    """Content under keys. Raises OSError or obstore's BaseError where it can't be reached, and
    FileNotFoundError for what is not there."""

    async def put(self, key: str, content: bytes) -> None:
        """Keep the content; on return it outlives a crash of the machine."""

    async def get(self, key: str) -> bytes:
        """The content."""

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete what is there of these."""

    async def folders(self, prefix: str) -> list[str]:
        """The names right below the prefix."""

    async def contents(self, prefix: str, most: int, after: str) -> list[tuple[str, int]]:
        """The first keys below the prefix that sort after one, with their sizes in bytes."""


class Blobs:
    """Content by desk, kind and day."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders

    async def put(
        self, desk: str, kind: Kind, content: bytes, now: datetime, digest: str | None = None
    ) -> tuple[str, str]:
        """Keep the content; gives its key and SHA-256, which may be known already. On return it
        outlives a crash. Raises BlobsUnavailable."""
        if digest is None:
            digest = hashlib.sha256(content).hexdigest()
        key = f"{desk}/{kind}/{now.astimezone(UTC):%Y-%m-%d}/{digest}"
        with _reachable():
            async with asyncio.timeout(ANSWER_WITHIN.total_seconds()):
                await self._folders.put(key, content)
        return key, digest

    async def get(self, desk: str, key: str) -> bytes:
        """The desk's content of the key. Raises BlobUnknown, also for a key of another desk, and
        BlobsUnavailable."""
        if not is_key_of(desk, key):
            raise BlobUnknown(key[:200])
        with _reachable():
            async with asyncio.timeout(ANSWER_WITHIN.total_seconds()):
                return await self._folders.get(key)

    async def delete(self, desk: str, keys: Sequence[str]) -> None:
        """Delete content of the desk. Raises BlobsUnavailable."""
        own = [key for key in keys if (match := _DELETABLE.fullmatch(key)) and match[1] == desk]
        if own:
            with _reachable():
                await self._folders.delete(own)

    async def days(self, desk: str, kind: Kind) -> list[str]:
        """The days of which there is something, oldest first. Raises BlobsUnavailable."""
        with _reachable():
            found = await self._folders.folders(f"{desk}/{kind}")
        return sorted(each for each in found if _DAY.fullmatch(each))

    async def of_day(
        self, desk: str, kind: Kind, day: str, most: int, after: str = ""
    ) -> list[str]:
        """The first keys of that day that sort after one. Raises BlobsUnavailable."""
        with _reachable():
            found = await self._folders.contents(f"{desk}/{kind}/{day}", most, after)
        return [key for key, _ in found]

    async def delete_day(self, desk: str, kind: Kind, day: str, most: int) -> tuple[int, int]:
        """Delete what is of that day, at most so many: how many they were, and their bytes. Raises
        BlobsUnavailable."""
        with _reachable():
            found = await self._folders.contents(f"{desk}/{kind}/{day}", most, "")
            if found:
                await self._folders.delete([key for key, _ in found])
        return len(found), sum(size for _, size in found)


def is_key_of(desk: str, key: str) -> bool:
    """Whether the key is one of content of the desk."""
    match = _KEY.fullmatch(key)
    return match is not None and match[1] == desk


def open_blobs(place: str) -> Blobs:
    """The store at a folder's path or a bucket's address (`s3://bucket/prefix`)."""
    if not place.startswith(_BUCKET_SCHEMES):
        return Blobs(LocalFolders(Path(place)))
    store = S3Store.from_url(
        place,
        client_options={"timeout": ANSWER_WITHIN, "allow_http": True},
        retry_config={"max_retries": 2, "retry_timeout": ANSWER_WITHIN},
    )
    return Blobs(BucketFolders(store))


@contextmanager
def _reachable() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise BlobUnknown(str(error)[:200]) from error
    except (OSError, TimeoutError, BaseError) as error:
        raise BlobsUnavailable(f"the store of files does not answer: {error!r}"[:500]) from error


class LocalFolders:
    """A folder of this machine, or one that all replicas mount. By hand and not by obstore, whose
    local store gives no promise about a crash: a file gets its name when its bytes are on disk."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._durable: set[Path] = set()
        # Of its own: whoever else fills the loop's threads, names to resolve, holds up no mail.
        self._threads = ThreadPoolExecutor(WRITERS, thread_name_prefix="blobs")
        self._syncs: dict[Path, asyncio.Task[None]] = {}
        """Of each folder the sync that comes next, until it begins."""
        self._syncing: dict[Path, asyncio.Lock] = {}

    async def put(self, key: str, content: bytes) -> None:
        """Keep the content."""
        path = self._root / key
        await self._beside(self._put, path, content)
        await self._named(path.parent)

    async def _named(self, folder: Path) -> None:
        """Return when the folder's names are on disk: one sync serves all who ask before it
        begins, also for a file that another process has just named."""
        sync = self._syncs.get(folder)
        if sync is None:
            sync = self._syncs[folder] = asyncio.create_task(self._sync_next(folder))
        await asyncio.shield(sync)

    async def _sync_next(self, folder: Path) -> None:
        lock = self._syncing.setdefault(folder, asyncio.Lock())
        async with lock:
            del self._syncs[folder]  # who asks from here on needs another one
            try:
                await self._beside(_sync, folder)
            finally:
                if folder not in self._syncs:
                    del self._syncing[folder]

    async def get(self, key: str) -> bytes:
        """The content."""
        return await self._beside((self._root / key).read_bytes)

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete what is there of these, and folders that are empty then."""
        await self._beside(self._delete, keys)

    async def folders(self, prefix: str) -> list[str]:
        """The names right below the prefix."""
        return await self._beside(_names, self._root / prefix)

    async def contents(self, prefix: str, most: int, after: str) -> list[tuple[str, int]]:
        """The first keys below the prefix that sort after one, with their sizes."""
        return await self._beside(self._contents, prefix, most, after)

    async def _beside(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, partial(work, *args, **kwargs))

    def _put(self, path: Path, content: bytes) -> None:
        self._make_durable(path.parent)
        if not path.exists():
            handle, temporary = self._new_file(path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                Path(temporary).replace(path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise

    def _new_file(self, folder: Path) -> tuple[int, str]:
        try:
            return tempfile.mkstemp(dir=folder, prefix=".new-")
        except FileNotFoundError:  # what was last in it was deleted this moment
            self._durable.discard(folder)
            self._make_durable(folder)
            return tempfile.mkstemp(dir=folder, prefix=".new-")

    def _make_durable(self, folder: Path) -> None:
        """Make the folder and those above it; each is on disk before something is put there."""
        if folder in self._durable and folder.is_dir():
            return
        if folder != self._root:
            self._make_durable(folder.parent)
        folder.mkdir(parents=folder == self._root, exist_ok=True, mode=0o700)
        _sync(folder.parent)
        self._durable.add(folder)

    def _delete(self, keys: Sequence[str]) -> None:
        paths = [self._root / key for key in keys]
        for path in paths:
            path.unlink(missing_ok=True)
        for folder in {path.parent for path in paths}:
            self._durable.discard(folder)
            with suppress(OSError):  # there is still something in it
                folder.rmdir()

    def _contents(self, prefix: str, most: int, after: str) -> list[tuple[str, int]]:
        found = []
        keys = (f"{prefix}/{name}" for name in _names(self._root / prefix))
        for key in sorted(each for each in keys if each > after)[:most]:
            with suppress(FileNotFoundError):
                found.append((key, (self._root / key).stat().st_size))
        return found


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class BucketFolders:
    """A bucket, through obstore: S3 and what speaks its language. It answers once the content is
    safe. Who we are there, and where it is, come from the variables that AWS's programs know."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def put(self, key: str, content: bytes) -> None:
        """Keep the content."""
        await obstore.put_async(self._store, key, content)

    async def get(self, key: str) -> bytes:
        """The content."""
        found = await obstore.get_async(self._store, key)
        return bytes(await found.bytes_async())

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete what is there of these."""
        await obstore.delete_async(self._store, list(keys))

    async def folders(self, prefix: str) -> list[str]:
        """The names right below the prefix."""
        found = await obstore.list_with_delimiter_async(self._store, f"{prefix}/")
        return [each.rstrip("/").rpartition("/")[2] for each in found["common_prefixes"]]

    async def contents(self, prefix: str, most: int, after: str) -> list[tuple[str, int]]:
        """The first keys below the prefix that sort after one, with their sizes."""
        pages = obstore.list(self._store, f"{prefix}/", offset=after or None, chunk_size=most)
        async for chunk in pages:
            return [(each["path"], each["size"]) for each in chunk]
        return []
