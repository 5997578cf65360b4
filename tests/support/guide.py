"""The examples of docs/sla.md that bring their own file: the file, and the due times it teaches."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from sla.desk_file import read
from sla.domain.policy.policy import Policy
from support.sla_cases import Story

_GUIDE = Path(__file__).parents[2] / "docs" / "sla.md"
_ROW = re.compile(r"\| (\d{4}-\d\d-\d\d \d\d:\d\d) \|(.*?)\|(.*?)\| (\w+) \| (.*?) \|")
_FILE = re.compile(r"```yaml\n# sla\.yaml\n(.*?)```", re.DOTALL)
_ZONE = re.compile(r"Worked due times of this file, in (\S+):")


class Row(NamedTuple):
    """One worked due time: when the ticket was opened, with what, what came then."""

    opened: str
    data: str
    then: str
    metric: str
    due: str


class Example(NamedTuple):
    """The file of a section of the guide, and its rows."""

    policy: Policy
    zone: str
    rows: list[Row]

    def story(self, row: Row) -> Story:
        """The ticket of the row."""
        story = Story(self.policy, self.zone).opened(row.opened, **_fields(row.data.split()))
        for fact in filter(None, row.then.split("; ")):
            day, clock, kind, *more = fact.split()
            story.then(kind, f"{day} {clock}", recorded=None, **_fields(more))
        return story


def section(title: str) -> str:
    """The text of the section of the guide with this title."""
    text = _GUIDE.read_text(encoding="utf-8")
    match = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    assert match is not None, title
    return match[1]


def policy_of(title: str) -> Policy:
    """The policy of the file in the section with this title."""
    file = _FILE.search(section(title))
    assert file is not None, title
    return read.parse(file[1], Path("guide") / "sla.yaml")


def example(title: str) -> Example:
    """The example of the section with this title."""
    text = section(title)
    zone = _ZONE.search(text)
    assert zone is not None, title
    rows = [Row(*(part.strip() for part in match.groups())) for match in _ROW.finditer(text)]
    return Example(policy_of(title), zone[1], rows)


def _fields(words: list[str]) -> dict[str, object]:
    pairs = (word.split("=", 1) for word in words)
    return {name: {"true": True, "false": False}.get(value, value) for name, value in pairs}
