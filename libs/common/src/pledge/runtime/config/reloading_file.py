"""A small file that is read again when it changes, so that keys rotate without a restart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from pledge.runtime.observability import logs

MAX_BYTES = 1024 * 1024

log = logs.get(__name__)
T = TypeVar("T")


class WatchedFile(Generic[T]):
    """The parsed content of `path`, as of now.

    `parse` raises ValueError for content that is no good. A file that turns bad or vanishes is
    reported in the log, and its last good content stays valid. `also` are files that `parse` reads
    beside it: a change of theirs counts as well.
    """

    def __init__(
        self, path: Path, parse: Callable[[bytes], T], *, also: Sequence[Path] = ()
    ) -> None:
        self._path = path
        self._parse = parse
        self._also = tuple(also)
        self._stamp: tuple[tuple[int, int, int], ...] | None = None
        self._parsed: list[T] = []
        self._reported = ""

    def value(self) -> T:
        """The content. Raises OSError or ValueError only if it never was good."""
        try:
            stamp = tuple(_stamp(each) for each in (self._path, *self._also))
            if stamp != self._stamp:
                self._parsed[:] = [self._parse(self._read())]
                self._stamp, self._reported = stamp, ""
                log.info("file_read", path=str(self._path))
        except (OSError, ValueError) as error:
            if not self._parsed:
                raise
            self._keep_last_good(error)
        return self._parsed[0]

    def _read(self) -> bytes:
        with self._path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f"{self._path} is larger than {MAX_BYTES // 1024} KiB")
        return content

    def _keep_last_good(self, error: Exception) -> None:
        # Once for each error: this runs with every request.
        if str(error) != self._reported:
            self._reported = str(error)
            log.error("file_unusable", path=str(self._path), error=str(error), used="last_good")


def _stamp(path: Path) -> tuple[int, int, int]:
    # A replaced file has another inode even within the resolution of its time.
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino
