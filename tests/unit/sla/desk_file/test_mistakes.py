"""A file with each mistake: exactly these messages, each at its place.

`expected.txt` beside a file has what `pledge desk check` says of it, without the file's name.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pledge.runtime.desk_file.problem import errors_of
from sla.desk_file.read import check_desk_file

MISTAKES = Path(__file__).parent / "mistakes"


def said(folder: str) -> list[str]:
    path = MISTAKES / folder / "sla.yaml"
    problems = check_desk_file(path).problems
    return [str(one).removeprefix(f"{path}:") for one in problems]


def expected(folder: str) -> list[str]:
    return (MISTAKES / folder / "expected.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("folder", ["refused", "doubtful"])
def test_each_mistake_is_told_with_what_to_write_instead(folder: str) -> None:
    assert said(folder) == expected(folder)


def test_what_is_doubtful_is_no_error() -> None:
    assert errors_of(check_desk_file(MISTAKES / "doubtful" / "sla.yaml").problems) == []
