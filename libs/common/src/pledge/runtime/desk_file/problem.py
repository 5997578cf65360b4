"""What is wrong in a desk's file, where, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a file, where, and what to do about it. Lines and columns count from 1."""

    file: Path
    line: int
    column: int
    message: str
    hint: str | None = None
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """`file:line:column: message (hint)`, as editors and CI systems read it."""
        kind = "warning: " if self.severity == "warning" else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}:{self.column}: {kind}{self.message}{hint}"


class DeskFileError(Exception):
    """Files of desks can't be used; `problems` says why, each with its place and what to do."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


def errors_of(problems: Iterable[Problem]) -> list[Problem]:
    """The problems that keep a file from being used: all but warnings."""
    return [problem for problem in problems if problem.severity == "error"]


def in_file_order(problems: Iterable[Problem]) -> list[Problem]:
    """The problems of one file by their place."""
    return sorted(problems, key=lambda one: (one.line, one.column, one.message))
