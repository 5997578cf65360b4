"""How commands show lists."""

from __future__ import annotations

import pytest
from rich.text import Text

from pledge.runtime.cli import tables

PAGE = "019a1c1e-7a54-7c11-8d5e-0d5cd4b0a1f3"
COLUMNS = ("id", "summary", "is late")
SUMMARY = "first response missed: " + "nobody can sign in " * 8
ROWS: list[list[object]] = [[PAGE, SUMMARY, True], [PAGE, None, False]]


def test_nothing_is_cut_off_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    tables.show(COLUMNS, ROWS, nothing="no page")
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split() == ["id", "summary", "is", "late"]
    assert first.startswith(f"{PAGE}  {SUMMARY.strip()}")
    assert second == f"{PAGE}{' ' * (len(SUMMARY.strip()) + 4)}no"


@pytest.mark.parametrize("width", [60, 100])
def test_a_terminal_of_any_width_shows_ids_whole(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", str(width))
    tables.show(COLUMNS, ROWS, nothing="no page", title="Pages")
    shown = Text.from_ansi(capsys.readouterr().out).plain
    assert shown.count(PAGE) == 2
    assert all(len(line) <= width for line in shown.splitlines())
    assert ("┃" in shown) is (width == 100)


def test_an_empty_list_says_so_beside_the_output(capsys: pytest.CaptureFixture[str]) -> None:
    tables.show(COLUMNS, [], nothing="no page")
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "no page\n")
