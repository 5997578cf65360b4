"""The problems of one file as they are found, each at its place and once."""

from __future__ import annotations

from typing import Literal

from pledge.runtime.desk_file.problem import Problem
from pledge.runtime.desk_file.yaml_file import Document, Steps


class Findings:
    """Collects problems of `document`."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []
        self._seen: set[tuple[int, str]] = set()

    def report(
        self,
        steps: Steps,
        message: str,
        hint: str | None = None,
        severity: Literal["error", "warning"] = "error",
    ) -> None:
        """Note a problem at the value at `steps`, or at its key where the message names it."""
        steps = self._written(steps)
        is_key = bool(steps) and f"`{steps[-1]}`" in message
        line, column = self.document.where_key(steps) if is_key else self.document.where(steps)
        if (line, message) not in self._seen:
            self._seen.add((line, message))
            self.problems.append(Problem(self.document.file, line, column, message, hint, severity))

    def warn(self, steps: Steps, message: str, hint: str | None = None) -> None:
        """Note what is not wrong by itself, and probably not meant."""
        self.report(steps, message, hint, "warning")

    def _written(self, steps: Steps) -> Steps:
        """The way to the value as the file has it: one value alone may stand for a list of it."""
        found: Steps = ()
        for step in steps:
            if step != 0 or (*found, step) in self.document.values:
                found = (*found, step)
        return found
