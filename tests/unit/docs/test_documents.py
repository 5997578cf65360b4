"""What README and the documents say is there, is there."""

import re
from pathlib import Path

import pytest

from support import pages
from support.cluster import ROOT

# Written when a benchmark or a long chaos run is done.
REPORTS = {"docs/benchmarks.md", "docs/chaos.md"}


def test_readme_shows_the_breach_consumer_as_it_is_tested() -> None:
    program = (ROOT / "docs/reference/breach_consumer.py").read_text(encoding="utf-8")
    assert f"```python\n{program}```" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_breach_consumer_has_seven_lines() -> None:
    program = (ROOT / "docs/reference/breach_consumer.py").read_text(encoding="utf-8")
    lines = [line for line in program.splitlines() if line and not line.startswith("#")]
    assert len(lines) - program.count("import ") <= 7


def test_make_targets_that_documents_name_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = {
        target
        for page in pages.written()
        for target in re.findall(r"(?:^|`)make ([a-z]+)", page.read_text("utf-8"), re.MULTILINE)
    }
    assert {"run", "test"} <= named <= targets


@pytest.mark.parametrize("page", pages.written(), ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for link in pages.links(page):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if target.relative_to(ROOT).as_posix() in REPORTS and not target.exists():
            continue
        assert target.exists(), f"{page}: {link}"
        assert not anchor or anchor in pages.anchors(target), f"{page}: {link}"


def test_pictures_are_small() -> None:
    for picture in (ROOT / "docs/screenshots").iterdir():
        assert picture.stat().st_size < 150_000, picture
