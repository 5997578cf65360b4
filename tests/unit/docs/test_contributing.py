"""docs/contributing.md names files that exist, and no change needs more than five of them."""

import re
from pathlib import PurePosixPath

import pytest

from support.cluster import ROOT

GUIDE = (ROOT / "docs/contributing.md").read_text(encoding="utf-8")
_PLACE = re.compile(r"^### (.+?)\n(.+?)(?=^##)", re.MULTILINE | re.DOTALL)
_STEP = re.compile(r"^\d+\. `([^`]+)`: (.+)$", re.MULTILINE)
_NAME = re.compile(r"`(_?[A-Za-z]+_[A-Za-z_]+|[A-Z]\w+)`")
_PATH = re.compile(r"`((?:libs|services|deploy|docs|tests)/[^`\s]+)`")
PLACES = _PLACE.findall(GUIDE)


def test_the_places_that_people_look_for_are_there() -> None:
    assert {
        "A notification channel out", "A channel in", "A trigger on an existing event",
        "A new ticket event", "A new effect of a route", "A new effect of a page",
        "Retry limits of deliveries", "Waits for the database or the broker",
        "A setting of a desk: intake.yaml", "A setting of a desk: sla.yaml",
        "A setting of a desk: notify.yaml", "A setting of a desk: status.yaml",
        "A column of the board", "A field of a ticket", "A poison limit", "A mail's wording",
        "A Prometheus metric", "An environment setting", "An API route", "A migration",
        "A field of a person", "A kind of delivery",
    } <= {title for title, _ in PLACES}  # fmt: skip


@pytest.mark.parametrize("steps", [text for _, text in PLACES], ids=[name for name, _ in PLACES])
def test_a_change_needs_at_most_five_files_and_names_a_test_to_copy(steps: str) -> None:
    files = [file for file, _ in _STEP.findall(steps)]
    assert 1 <= len(files) <= 5
    assert len(files) == len(re.findall(r"^\d+\.", steps, re.MULTILINE))
    assert not [file for file in files if file.startswith(("tests/", "docs/reference/"))]
    assert re.search(r"[Cc]opy\s+`tests/", steps)


def test_every_file_exists() -> None:
    named = {PurePosixPath(path) for path in _PATH.findall(GUIDE)}
    assert len(named) > 50
    # A file that the change adds: its folder is there.
    existing = {path.parent if "<" in path.name else path for path in named}
    assert [str(path) for path in sorted(existing) if not (ROOT / path).exists()] == []


def test_each_file_has_the_names_that_are_to_be_changed_in_it() -> None:
    absent = [
        (file, name)
        for file, text in _STEP.findall(GUIDE)
        for name in _NAME.findall(text)
        if "<" not in file and name not in (ROOT / file).read_text(encoding="utf-8")
    ]
    assert absent == []
