"""What a desk says that it takes of files, and how names and pictures are told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from intake.desk_file.load import check_desk_file, load_desks
from intake.desk_file.template import DESK_TEMPLATE
from intake.domain.files import FileRules, picture_type, safe_name


def a_desk_file(folder: Path, section: str) -> Path:
    path = folder / "acme" / "intake.yaml"
    path.parent.mkdir()
    path.write_text(f"{DESK_TEMPLATE.replace('{desk}', 'acme')}\n{section}\n", encoding="utf-8")
    return path


def test_a_desk_says_what_it_takes_and_for_how_long_it_keeps_it(tmp_path: Path) -> None:
    a_desk_file(
        tmp_path,
        "files: {largest: 1.5 MB, most: 3, advice: Send a link., keep_messages: 30d, "
        "keep_files: 1000d}",
    )
    rules = load_desks(tmp_path).by_id["acme"].files
    assert rules == FileRules(
        1_500_000, 3, "Send a link.", timedelta(days=30), timedelta(days=1000)
    )


def test_without_a_word_all_is_taken_and_files_last_as_long_as_their_tickets(
    tmp_path: Path,
) -> None:
    a_desk_file(tmp_path, "")
    rules = load_desks(tmp_path).by_id["acme"].files
    assert (rules.largest, rules.most, rules.keep_files) == (None, None, None)
    assert rules.keep_messages == timedelta(days=365)


@pytest.mark.parametrize("section", [
    "largest: 20", "largest: 0 MB", "largest: 201 MB", "largest: -1 MB", "largest: 1 GB",
    "most: 0", "keep_files: 30", "smallest: 1 kB",
])  # fmt: skip
def test_what_is_no_rule_is_said_with_its_line(tmp_path: Path, section: str) -> None:
    path = a_desk_file(tmp_path, f"files:\n  {section}")
    (problem,) = check_desk_file(path).problems
    line = path.read_text(encoding="utf-8").splitlines().index(f"  {section}") + 1
    assert f"intake.yaml:{line}:" in str(problem)


def test_files_are_refused_with_what_to_do() -> None:
    rules = FileRules(largest=1_000_000, most=2, advice="Send a link.")
    assert rules.refusal([("a", 1_000_000), ("b", 0)]) is None
    assert rules.refusal([("a", 1)] * 3) == (
        "3 files are too many: 2 are taken at once. Send a link."
    )
    assert rules.refusal([("../b.bin", 1_100_000)]) == (
        "b.bin has 1.1 MB: files of up to 1.0 MB are taken here. Send a link."
    )
    assert FileRules().refusal([("a", 10**12)] * 1000) is None


@pytest.mark.parametrize(("given", "safe"), [
    ("a.txt", "a.txt"), ("../../etc/passwd", "passwd"), ("C:\\x\\y.exe", "y.exe"), ("..", "file"),
    ("", "file"), ("a\x00b\nc", "a_b_c"), ("\u202egnp.exe", "_gnp.exe"), ("Bericht März.pdf",) * 2,
    ("a/b/", "b"), ('"q".txt', "_q_.txt"),
])  # fmt: skip
def test_a_files_name_leads_nowhere_and_says_what_it_is(given: str, safe: str) -> None:
    assert safe_name(given) == safe


def test_long_names_are_cut() -> None:
    assert len(safe_name("x" * 100_000)) == 150


@pytest.mark.parametrize(("content", "kind"), [
    (b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff\xe0", "image/jpeg"),
    (b"GIF89a", "image/gif"), (b"RIFF\0\0\0\0WEBPVP8 ", "image/webp"), (b"RIFF\0\0\0\0WAVE", None),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None), (b"", None), (b"<!doctype html>", None),
])  # fmt: skip
def test_a_picture_is_told_by_its_bytes(content: bytes, kind: str | None) -> None:
    assert picture_type(content) == kind
