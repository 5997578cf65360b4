"""The due times that docs/sla.md teaches by are those that come out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support.sla_cases import Story, desk

GUIDE = Path(__file__).parents[4] / "docs" / "sla.md"
HEADING = re.compile(r"## Worked due times of `([a-z-]+)`, in (\S+)")
ROW = re.compile(r"\| (\d{4}-\d\d-\d\d \d\d:\d\d) \| (.*?) \|(.*?)\| (\w+) \| (.*?) \|")


def rows() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    about: tuple[str, str] | None = None
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        if match := HEADING.fullmatch(line):
            about = match[1], match[2]
        elif about is not None and (match := ROW.fullmatch(line)):
            found.append((*about, *(part.strip() for part in match.groups())))
    return found


def fields(words: list[str]) -> dict[str, object]:
    pairs = (word.split("=") for word in words)
    return {name: {"true": True, "false": False}.get(value, value) for name, value in pairs}


@pytest.mark.parametrize("row", rows(), ids=lambda row: " ".join(row[:4]))
def test_due_time_of_the_guide_is_what_comes_out(row: tuple[str, ...]) -> None:
    name, zone, opened, data, then, metric, due = row
    story = Story(desk(name), zone).opened(opened, **fields(data.split()))
    for fact in filter(None, then.split("; ")):
        day, clock, kind, *more = fact.split()
        story.then(kind, f"{day} {clock}", recorded=None, **fields(more))
    assert story.due(metric) == due


def test_guide_has_examples_of_every_desk_with_promises() -> None:
    assert {row[0] for row in rows()} == {"vircom", "sign-in-solutions", "infocyte", "smartsimple"}
    assert len(rows()) >= 20
