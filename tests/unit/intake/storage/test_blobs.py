"""Content is kept whole, once a day, apart by desk, and is found by its age."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from obstore.store import MemoryStore

from intake.storage.blobs import (
    Blobs,
    BlobsUnavailable,
    BlobUnknown,
    BucketFolders,
    Kind,
    LocalFolders,
    open_blobs,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture(params=["folder", "bucket"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    kinds: dict[str, Callable[[], Blobs]] = {
        "folder": lambda: open_blobs(str(tmp_path / "not" / "there")),
        "bucket": lambda: Blobs(BucketFolders(MemoryStore())),
    }
    return kinds[str(request.param)]()


async def test_what_was_kept_comes_back_by_its_key(blobs: Blobs) -> None:
    key, digest = await blobs.put("vircom", Kind.FILES, b"words", NOON)
    assert await blobs.put("vircom", Kind.FILES, b"words", NOON) == (key, digest)
    assert key == f"vircom/files/2026-11-20/{digest}"
    assert await blobs.get("vircom", key) == b"words"
    empty, _ = await blobs.put("vircom", Kind.FILES, b"", NOON)
    assert await blobs.get("vircom", empty) == b""


@pytest.mark.parametrize("asked", [
    "demo", "", "vircom/files", "../vircom",
])  # fmt: skip
async def test_a_desk_gets_nothing_of_another(blobs: Blobs, asked: str) -> None:
    key, _ = await blobs.put("vircom", Kind.FILES, b"words", NOON)
    with pytest.raises(BlobUnknown):
        await blobs.get(asked, key)
    await blobs.delete(asked, [key])
    assert await blobs.get("vircom", key) == b"words"


@pytest.mark.parametrize("key", [
    "vircom/../secret", "/etc/hostname", "vircom/files/2026-11-20/../../../x", "", "a" * 64,
    f"vircom/files/2026-11-20/{'A' * 64}", f"vircom/files/2026-11-20/{'a' * 64}\n",
])  # fmt: skip
async def test_what_is_no_key_leads_nowhere(blobs: Blobs, key: str) -> None:
    with pytest.raises(BlobUnknown):
        await blobs.get("vircom", key)


async def test_what_is_of_a_day_is_found_and_deleted_in_pieces(blobs: Blobs) -> None:
    old = [await blobs.put("vircom", Kind.MESSAGES, bytes([n]) * 10, NOON) for n in range(5)]
    later = NOON + timedelta(days=1)
    key, _ = await blobs.put("vircom", Kind.MESSAGES, b"later", later)
    assert await blobs.days("vircom", Kind.MESSAGES) == ["2026-11-20", "2026-11-21"]
    assert await blobs.days("vircom", Kind.FILES) == []
    assert await blobs.days("demo", Kind.MESSAGES) == []
    counts = [await blobs.delete_day("vircom", Kind.MESSAGES, "2026-11-20", 2) for _ in range(4)]
    assert counts == [(2, 20), (2, 20), (1, 10), (0, 0)]
    for each, _ in old:
        with pytest.raises(BlobUnknown):
            await blobs.get("vircom", each)
    assert await blobs.get("vircom", key) == b"later"
    assert await blobs.days("vircom", Kind.MESSAGES) == ["2026-11-21"]
    again, _ = await blobs.put("vircom", Kind.MESSAGES, b"again", NOON)
    assert await blobs.get("vircom", again) == b"again"


async def test_a_file_gets_its_name_when_it_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def syncing(handle: int) -> None:
        done.append(Path(f"/proc/self/fd/{handle}").readlink().name[:4])
        fsync(handle)

    def naming(path: Path, target: Path) -> Path:
        done.append("named")
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(Path, "replace", naming)
    await Blobs(LocalFolders(tmp_path)).put("vircom", Kind.FILES, b"words", NOON)
    # Folders first, then the bytes, the name, and the folder that holds the name.
    assert done[-3:] == [".new", "named", "2026"]
    assert done[:-3] == [tmp_path.parent.name[:4], tmp_path.name[:4], "virc", "file"]


async def test_one_sync_of_a_folder_serves_all_who_named_a_file_before_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = Blobs(LocalFolders(tmp_path))
    await blobs.put("vircom", Kind.FILES, b"the first makes the folders", NOON)
    done: list[str] = []
    fsync, replace = os.fsync, Path.replace

    def syncing(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").readlink().name.startswith("2026"):
            done.append("synced")
        fsync(handle)

    def naming(path: Path, target: Path) -> Path:
        replace(path, target)
        done.append(Path(target).name)
        return path

    async def kept(number: int) -> None:
        _, digest = await blobs.put("vircom", Kind.FILES, f"words {number}".encode(), NOON)
        assert "synced" in done[done.index(digest) :], "its name is on disk when it is said"

    monkeypatch.setattr(os, "fsync", syncing)
    monkeypatch.setattr(Path, "replace", naming)
    await asyncio.gather(*(kept(number) for number in range(40)))
    assert 1 <= done.count("synced") < 40


async def test_a_folder_that_can_not_be_synced_is_said_to_all_who_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = Blobs(LocalFolders(tmp_path))
    await blobs.put("vircom", Kind.FILES, b"the first makes the folders", NOON)
    fsync = os.fsync

    def failing(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").readlink().name.startswith("2026"):
            raise OSError(5, "Input/output error")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", failing)
    puts = [blobs.put("vircom", Kind.FILES, bytes([n]), NOON) for n in range(5)]
    for found in await asyncio.gather(*puts, return_exceptions=True):
        assert isinstance(found, BlobsUnavailable)
    monkeypatch.setattr(os, "fsync", fsync)
    await blobs.put("vircom", Kind.FILES, b"later", NOON)


async def test_a_write_that_fails_leaves_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = open_blobs(str(tmp_path))
    fsync = os.fsync

    def full(handle: int) -> None:
        if Path(f"/proc/self/fd/{handle}").readlink().name.startswith(".new"):
            raise OSError(28, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BlobsUnavailable, match="No space"):
        await blobs.put("vircom", Kind.FILES, b"words", NOON)
    assert [each for each in tmp_path.rglob("*") if each.is_file()] == []


async def test_a_bucket_that_is_away_is_said_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT": "http://127.0.0.1:1", "AWS_REGION": "test",
        "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("intake.storage.blobs.ANSWER_WITHIN", timedelta(seconds=1))
    with pytest.raises(BlobsUnavailable):
        await open_blobs("s3://bucket/pledge").put("vircom", Kind.FILES, b"words", NOON)
