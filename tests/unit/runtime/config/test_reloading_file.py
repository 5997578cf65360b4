from __future__ import annotations

import os
from pathlib import Path

import pytest
import structlog

from pledge.runtime.config.reloading_file import MAX_BYTES, WatchedFile


def number(content: bytes) -> int:
    return int(content)


def test_file_is_read_again_when_it_changes_and_only_then(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("1")
    reads: list[bytes] = []

    def parse(content: bytes) -> int:
        reads.append(content)
        return int(content)

    watched = WatchedFile(path, parse)
    assert [watched.value(), watched.value()] == [1, 1]
    path.write_text("22")
    assert [watched.value(), watched.value()] == [22, 22]
    assert reads == [b"1", b"22"]


def test_replaced_file_of_the_same_size_and_time_is_noticed(tmp_path: Path) -> None:
    path, other = tmp_path / "file", tmp_path / "other"
    path.write_text("1")
    watched = WatchedFile(path, number)
    assert watched.value() == 1
    other.write_text("2")
    status = path.stat()
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(path)
    assert watched.value() == 2


def test_bad_content_keeps_the_last_good_and_is_complained_about_once(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("1")
    watched = WatchedFile(path, number)
    assert watched.value() == 1
    path.write_text("one")
    with structlog.testing.capture_logs() as lines:
        assert [watched.value() for _ in range(5)] == [1] * 5
        path.unlink()
        assert [watched.value() for _ in range(5)] == [1] * 5
        path.write_text("3")
        assert watched.value() == 3
    assert [line["event"] for line in lines] == ["file_unusable", "file_unusable", "file_read"]


def test_file_that_never_was_good_is_an_error(tmp_path: Path) -> None:
    watched = WatchedFile(tmp_path / "file", number)
    with pytest.raises(FileNotFoundError):
        watched.value()
    (tmp_path / "file").write_text("one")
    with pytest.raises(ValueError, match="invalid literal"):
        watched.value()
    (tmp_path / "file").write_bytes(b"1" * (MAX_BYTES + 1))
    with pytest.raises(ValueError, match="is larger than 1024 KiB"):
        watched.value()
    (tmp_path / "file").write_text("4")
    assert watched.value() == 4
